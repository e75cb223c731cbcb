import fc from 'fast-check'
import { expect, it } from 'vitest'

import { allKeys, dataRows, halve, unwrapRows } from '../../lib/postgres/driver/binary-copy.js'
import { bufferPool } from '../../lib/postgres/driver/cut-batches.js'
import type { Cells } from '../../lib/postgres/driver/session.js'
import {
  allCells,
  cellsOf,
  csvOfTexts,
  rowWriter,
  textRows,
  withRepeated,
} from '../../lib/postgres/driver/text-rows.js'
import { csvPieces } from '../../lib/postgres/driver/texts.js'
import { message } from '../fixtures/hostile-server.js'

const text = fc.oneof(
  { weight: 12, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      '',
      '\\.',
      '\u001e',
      'a\u001eb\u001e',
      '\u001f',
      '\n',
      '\r\n',
      'é€😀',
      '\ufffd',
      't',
    ),
  },
  // As long as a piece, and as what is no longer copied into one.
  fc
    .tuple(fc.constantFrom('x', 'é\u001e', '€\n'), fc.nat({ max: 45_000 }))
    .map(([part, times]) => part.repeat(times)),
)
const cell = fc.option(
  text.filter((each) => !each.includes('\0')),
  { nil: null },
)
const rowsOf = (columns: number) =>
  fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 12 })
const anyRows = fc.integer({ min: 1, max: 6 }).chain(rowsOf)

/** A row as a server sends it. */
function tuple(cells: Cells): Buffer {
  const parts = cells.map((each) => {
    const bytes = Buffer.from(each ?? '')
    const length = Buffer.alloc(4)
    length.writeInt32BE(each === null ? -1 : bytes.length)
    return Buffer.concat([length, bytes])
  })
  const head = Buffer.alloc(2)
  head.writeInt16BE(cells.length)
  return Buffer.concat([head, ...parts])
}

const table = (columns: number) => ({
  name: 't',
  columns: Array.from({ length: columns }, (_, index) => ({ name: `c${index}`, type: 'text' })),
})
const csvOf = (pieces: readonly Buffer[], columns: number) =>
  Buffer.concat([...csvOfTexts(table(columns), pieces)].map((piece) => Buffer.from(piece)))

it('the bytes of texts make the same CSV as their strings', () => {
  fc.assert(
    fc.property(anyRows, fc.boolean(), (rows, isOnePiece) => {
      const tuples = rows.map(tuple)
      const pieces = isOnePiece ? [Buffer.concat(tuples)] : tuples
      expect(csvOf(pieces, rows[0]?.length ?? 0).equals(Buffer.concat([...csvPieces(rows)]))).toBe(true)
    }),
  )
})

it('rows come back as they were written, each by its key, and in halves', () => {
  fc.assert(
    fc.property(anyRows, (cells) => {
      const rows = cells.map((row, index) => [String(index), ...row])
      const pieces = [Buffer.concat(rows.map(tuple))]
      const all = { pieces, count: rows.length }
      expect(allCells(all)).toEqual(rows)
      for (const row of rows) expect(cellsOf(all, 0, row[0] ?? '')).toEqual(row)
      expect(cellsOf(all, 0, 'none')).toBeUndefined()
      if (rows.length === 1) return
      const halves = halve(all)
      expect(halves.flatMap(allCells)).toEqual(rows)
      expect(halves.flatMap((half) => allKeys(half, 0, 'text'))).toEqual(rows.map(([key]) => key))
    }),
  )
})

it('a row that is written anew holds what was changed, and the rest as it was', () => {
  const pairs = fc.integer({ min: 1, max: 5 }).chain((columns) =>
    fc.array(
      fc.array(fc.tuple(cell, fc.option(cell, { nil: undefined })), {
        minLength: columns,
        maxLength: columns,
      }),
      { maxLength: 8 },
    ),
  )
  fc.assert(
    fc.property(pairs, fc.constantFrom(1, 100_000), (rows, size) => {
      const before = rows.map((row) => row.map(([was]) => was))
      const after = rows.map((row) => row.map(([was, is]) => (is === undefined ? was : is)))
      const writer = rowWriter(bufferPool(size))
      let index = 0
      for (const row of textRows({ pieces: before.map(tuple) })) writer.add(after[index++] ?? [], row)
      const written = writer.rows()
      expect(written.count).toBe(rows.length)
      expect(Buffer.concat(written.pieces).equals(Buffer.concat(after.map(tuple)))).toBe(true)
    }),
  )
})

it('a text that is not UTF-8, or holds a NUL, is found with its column', () => {
  const good = tuple(['a', 'é'])
  const broken = [Buffer.from([0xff]), Buffer.from([0xc3]), Buffer.from('a\0b'), Buffer.alloc(100_000, 0xe9)]
  for (const bytes of broken) {
    const length = Buffer.alloc(4)
    length.writeInt32BE(bytes.length)
    const row = Buffer.concat([Buffer.from([0, 2, 0, 0, 0, 1, 97]), length, bytes])
    for (const pieces of [[row], [good, row], [Buffer.concat([good, row, good])]]) {
      expect(() => csvOf(pieces, 2)).toThrow('A text of the column c1 is not UTF-8.')
    }
  }
})

it('rows are taken out of the messages of a statement, wherever these are cut', () => {
  const rows = [tuple(['1', null]), tuple(['2', 'x'.repeat(300)]), tuple(['', ''])]
  const others = [message('2', ''), message('T', 'abc'), message('s', ''), message('Z', 'I')]
  const [bound, described, suspended, ready] = others
  const [one, two, three] = rows.map((row) => message('D', row))
  const sent = Buffer.concat(
    [bound, described, one, two, suspended, three, ready].flatMap((each) => each ?? []),
  )
  for (const size of [1, 2, 3, 7, 64, 1000]) {
    const unwrap = unwrapRows(dataRows)
    const found = { rows: [] as Buffer[], others: [] as Buffer[], count: 0 }
    for (let at = 0; at < sent.length; at += size) {
      const piece = unwrap(Buffer.from(sent.subarray(at, at + size)))
      found.rows.push(piece.rows)
      found.others.push(piece.others)
      found.count += piece.count
    }
    expect(Buffer.concat(found.rows).equals(Buffer.concat(rows)), `pieces of ${size}`).toBe(true)
    expect(Buffer.concat(found.others).equals(Buffer.concat(others)), `pieces of ${size}`).toBe(true)
    expect(found.count).toBe(3)
  }
})

it('rows of lossy columns end with their place, and with the cells of these', () => {
  fc.assert(
    fc.property(rowsOf(3), fc.boolean(), (rows, isOnePiece) => {
      const tuples = rows.map(tuple)
      const pieces = isOnePiece ? [Buffer.concat(tuples)] : tuples
      const expected = rows.map((row, index) => [...row, String(index), row[2] ?? null, row[0] ?? null])
      expect(allCells({ pieces: [...withRepeated(pieces, [2, 0])] })).toEqual(expected)
    }),
    { numRuns: 30 },
  )
})
