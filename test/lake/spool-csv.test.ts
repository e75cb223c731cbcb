import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { spoolCsv } from '../../lib/lake/parquet/spool-csv.js'

/** The text in pieces of so many bytes, with cuts at these offsets, each known only when its piece is about to come. */
function rowsOf(text: string, size: number, cuts: readonly number[]) {
  const known: number[] = []
  return {
    ...{ rows: 1, longestRow: 1, cuts: known },
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < text.length; at += size) {
        known.push(...cuts.filter((cut) => cut >= at && cut < at + size))
        yield Buffer.from(text.slice(at, at + size))
      }
    },
  }
}

it.each([1, 3, 4, 7, 100])(
  'parts begin at the cuts, and hold every byte once, in pieces of %i bytes',
  async (size) => {
    const text = 'aaa\nbb"\n"b\ncccc\ndd\n'
    const file = join(tmpdir(), `${randomUUID()}.csv`)
    await using spooled = await spoolCsv(rowsOf(text, size, [4, 11, 16]), { file, inParts: true })
    const parts = await Promise.all(spooled.files.map((name) => readFile(name, 'utf8')))
    expect(parts).toEqual(['aaa\n', 'bb"\n"b\n', 'cccc\n', 'dd\n'])
    expect(spooled).toMatchObject({ file, bytes: text.length })
  },
)

it('no file is left where the rows fail, and none is missing where there are no rows', async () => {
  const file = join(tmpdir(), `${randomUUID()}.csv`)
  const failing = {
    ...rowsOf('', 1, []),
    cuts: [2],
    async *[Symbol.asyncIterator]() {
      yield Buffer.from('a\nb\n')
      throw new Error('lost')
    },
  }
  await expect(spoolCsv(failing, { file, inParts: true })).rejects.toThrow()
  await expect(readFile(file)).rejects.toThrow('ENOENT')
  await expect(readFile(`${file}.1`)).rejects.toThrow('ENOENT')
  await using spooled = await spoolCsv(rowsOf('', 1, []), { file })
  expect(await readFile(spooled.file, 'utf8')).toBe('')
})
