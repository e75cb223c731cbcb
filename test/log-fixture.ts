import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'

import { expectCleanLogs } from './setup/planted.js'

/** A folder for logs that does not exist yet, inside one that goes away. */
export async function openLogFolder() {
  const parent = await mkdtemp(join(tmpdir(), 'logs-test-'))
  const directory = join(parent, 'logs', 'etl')
  return {
    directory,
    linesOf: (name: string) => linesOf(join(directory, name)),
    [Symbol.asyncDispose]: async () => {
      try {
        await expectCleanLogs(parent)
      } finally {
        await rm(parent, { recursive: true })
      }
    },
  }
}

/** A console that keeps what it was told, after `delay` milliseconds for each piece. */
export function capture(delay = 0) {
  const chunks: string[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk.toString())
      if (delay === 0) done()
      else setTimeout(done, delay)
    },
  })
  return { stream, text: () => chunks.join('') }
}

async function linesOf(file: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(file, 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
}
