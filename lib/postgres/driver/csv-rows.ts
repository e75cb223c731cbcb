import type { CompiledQuery } from 'kysely'

import type { Cells, Session } from './session.js'

/** Rows as `copy ... (format csv)` writes them, in pieces that may end anywhere. They are read once. */
export interface CsvRows extends AsyncIterable<Buffer> {
  /** How many have come so far, or are about to come with the next piece. */
  readonly rows: number
  /** Bytes of the longest of them. */
  readonly longestRow: number
  /** Where rows begin that have so many bytes before them as a part is to have: offsets within all pieces, known before the piece comes. */
  readonly cuts: readonly number[]
}

/** What stands for NULL; a text that reads the same is quoted. */
export type CsvNull = '' | '\\N'

export interface CsvOptions {
  /** How many columns the query has. */
  readonly columns: number
  readonly nullText: CsvNull
}

/** The rows of a query, within the transaction of the session, without those that are already in memory twice. */
export function readCsv(session: Session, query: CompiledQuery, { columns, nullText }: CsvOptions): CsvRows {
  const seen = { rows: 0, longestRow: 0, bytes: 0, lastCut: 0 }
  const cuts: number[] = []
  const onRow = (bytes: number) => {
    if (seen.bytes - seen.lastCut >= bytesOfPart) {
      cuts.push(seen.bytes)
      seen.lastCut = seen.bytes
    }
    seen.bytes += bytes
    seen.rows += 1
    seen.longestRow = Math.max(seen.longestRow, bytes)
  }
  const pieces = () =>
    session.copy?.csv(query, `null '${nullText}'`, onRow) ??
    linesOf(
      session.fetch(query, columns, () => fetchedAtOnce),
      nullText,
      onRow,
    )
  return {
    get rows() {
      return seen.rows
    },
    get longestRow() {
      return seen.longestRow
    },
    cuts,
    [Symbol.asyncIterator]: () => pieces()[Symbol.asyncIterator](),
  }
}

const fetchedAtOnce = 500

/** What a reader that keeps a whole part in memory can afford. */
const bytesOfPart = 8 * 1024 * 1024

/** For a driver without COPY. */
async function* linesOf(
  batches: AsyncIterable<readonly Cells[]>,
  nullText: CsvNull,
  onRow: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const batch of batches) {
    for (const cells of batch) {
      const line = Buffer.from(csvLine(cells, nullText))
      onRow(line.length)
      yield line
    }
  }
}

/** A line of CSV with its end, quoted as COPY quotes. */
export function csvLine(cells: Cells, nullText: CsvNull): string {
  const quoted = (cell: string) =>
    cell === nullText || /[",\r\n]/.test(cell) || cell === '\\.' ? `"${cell.replaceAll('"', '""')}"` : cell
  return `${cells.map((cell) => (cell === null ? nullText : quoted(cell))).join(',')}\n`
}
