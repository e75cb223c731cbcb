import {
  allKeys,
  binaryKeyType,
  firstKey,
  halve,
  type BinaryRows,
} from '../../postgres/driver/binary-copy.js'
import type { Cells, Session } from '../../postgres/driver/session.js'
import { keyColumnOf, keyPosition, type LoadPlan } from '../../postgres/target/load-plan.js'
import { putBinaryRows, putRows, type Destination } from '../../postgres/target/upsert.js'

/** Rows that are written together, as texts or in binary, and that can be halved down to a single one. */
export interface Chunk {
  readonly count: number
  put(target: Session, into: Destination): Promise<void>
  /** Of more than one row. */
  halves(): readonly [Chunk, Chunk]
  /** Key of the row at a place; of texts only. */
  keyAt(place: number): string
  /** Key of the first row, as text. */
  key(): string
  /** Whether a row has this key, in these letters. */
  has(key: string): boolean
  /** A row as texts; undefined for binary rows. */
  cells(key: string): Cells | undefined
}

export function chunkOfRows(plan: LoadPlan, rows: readonly Cells[]): Chunk {
  const middle = rows.length >> 1
  const keyAt = keyPosition(plan)
  let found: ReadonlyMap<string, Cells> | undefined
  const byKey = () => (found ??= new Map(rows.map((row) => [row[keyAt] ?? '', row])))
  return {
    count: rows.length,
    put: (target, into) => putRows(target, plan, rows, into),
    halves: () => [chunkOfRows(plan, rows.slice(0, middle)), chunkOfRows(plan, rows.slice(middle))],
    keyAt: (place) => rows[place]?.[keyAt] ?? '',
    key: () => rows[0]?.[keyAt] ?? '',
    has: (key) => byKey().has(key),
    cells: (key) => byKey().get(key),
  }
}

export function chunkOfBinary(plan: LoadPlan, rows: BinaryRows): Chunk {
  const keyAt = keyPosition(plan)
  const keyType = binaryKeyType(keyColumnOf(plan).definition) ?? 'text'
  let found: ReadonlySet<string> | undefined
  return {
    count: rows.count,
    put: async (target, into) => {
      if (!target.copy) throw new TypeError('Binary rows need a target that can COPY.')
      await putBinaryRows(target.copy, plan, rows, into)
    },
    halves: () => {
      const [first, second] = halve(rows)
      return [chunkOfBinary(plan, first), chunkOfBinary(plan, second)]
    },
    keyAt: () => {
      throw new TypeError('Binary rows are not looked into.')
    },
    key: () => firstKey(rows, keyAt, keyType),
    has: (key) => (found ??= new Set(allKeys(rows, keyAt, keyType))).has(key),
    cells: () => undefined,
  }
}
