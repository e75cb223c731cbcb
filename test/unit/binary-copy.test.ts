import { expect, it } from 'vitest'

import { copyStream } from '../../lib/postgres/driver/binary-copy.js'
import { cutBatches } from '../../lib/postgres/driver/cut-batches.js'

const options = {
  keyAt: 0,
  keyType: 'integer',
  maxRows: 10,
  maxBytes: 1000,
  onKeyNull: () => {
    throw new Error('no key')
  },
  onConflict: (key: string) => {
    throw new Error(`twice ${key}`)
  },
  onCutShort: () => {
    throw new Error('cut short')
  },
} as const

/** A row of one integer. */
function tuple(key: number): Buffer {
  const row = Buffer.alloc(10)
  row.writeInt16BE(1)
  row.writeInt32BE(4, 2)
  row.writeInt32BE(key, 6)
  return row
}

const whole = Buffer.concat([...copyStream({ pieces: [tuple(7), tuple(9)] })])

async function countOf(...pieces: readonly Buffer[]): Promise<number> {
  let count = 0
  const stream = (async function* () {
    yield* pieces
  })()
  for await (const batch of cutBatches(stream, options)) count += batch.count
  return count
}

it('a binary COPY is whole in one piece or byte by byte, with rows or without', async () => {
  expect(await countOf(whole)).toBe(2)
  expect(await countOf(...Array.from(whole, (byte) => Buffer.from([byte])))).toBe(2)
  expect(await countOf(Buffer.concat([...copyStream({ pieces: [] })]))).toBe(0)
})

it('a binary COPY that ends before its trailer is never taken for a whole one', async () => {
  for (let length = 0; length < whole.length; length += 1) {
    await expect(countOf(whole.subarray(0, length)), `${length} bytes`).rejects.toThrow('cut short')
  }
})

it('rows in pieces of any size, released or not, come out as they went in', async () => {
  const sizes = [3, 50, 400, 90, 3000, 1, 700, 20_000]
  const rows = Array.from({ length: 200 }, (_, key) => rowOf(key, sizes[key % sizes.length] ?? 0))
  const sent = Buffer.concat([...copyStream({ pieces: rows })])
  for (const releases of [true, false]) {
    for (const size of [13, 100, 5000, 65_536, sent.length]) {
      const found: Buffer[] = []
      const keys: string[] = []
      for await (const batch of cutBatches(piecesOf(sent, size), {
        ...options,
        maxRows: 30,
        maxBytes: 4000,
      })) {
        found.push(...batch.pieces.map((piece) => Buffer.from(piece)))
        keys.push(batch.lastKey)
        if (releases) batch.release()
      }
      expect(Buffer.concat(found).equals(Buffer.concat(rows)), `pieces of ${size}`).toBe(true)
      expect(keys.at(-1)).toBe('199')
    }
  }
})

it('a row that repeats the one before is kept once, also at the border of two batches', async () => {
  const keys = [1, 1, 2, 3, 3, 3, 4, 5, 5]
  const sent = Buffer.concat([...copyStream({ pieces: keys.map((key) => rowOf(key, 30)) })])
  for (const maxRows of [1, 2, 3, 100]) {
    let [count, repeated] = [0, 0]
    const found: Buffer[] = []
    for await (const batch of cutBatches(piecesOf(sent, 11), { ...options, maxRows })) {
      count += batch.count
      repeated += batch.repeated
      found.push(...batch.pieces.map((piece) => Buffer.from(piece)))
      batch.release()
    }
    expect([count, repeated]).toEqual([5, 4])
    expect(Buffer.concat(found).equals(Buffer.concat([1, 2, 3, 4, 5].map((key) => rowOf(key, 30))))).toBe(
      true,
    )
  }
})

/** A row of an integer and a text. */
function rowOf(key: number, length: number): Buffer {
  const row = Buffer.alloc(14 + length, key % 251)
  row.writeInt16BE(2)
  row.writeInt32BE(4, 2)
  row.writeInt32BE(key, 6)
  row.writeInt32BE(length, 10)
  return row
}

async function* piecesOf(whole: Buffer, size: number): AsyncGenerator<Buffer> {
  // What the driver has received is not kept by anybody.
  for (let at = 0; at < whole.length; at += size) yield Buffer.from(whole.subarray(at, at + size))
}
