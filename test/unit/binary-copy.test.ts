import { expect, it } from 'vitest'

import { copyStream, cutBatches } from '../../lib/postgres/driver/binary-copy.js'

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
