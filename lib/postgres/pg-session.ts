import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type pg from 'pg'

import { csvOptions, toCsv } from './csv.js'
import { statementError } from './driver-error.js'
import type { Cells, Session, Side } from './session.js'

/** Leaves every value as the server's text. */
const asText = { getTypeParser: () => (text: string) => text }

/** A session over a client of pg. `release` gives the connection back, or ends it. */
export function pgSession(side: Side, client: pg.ClientBase, release: () => Promise<void>): Session {
  const lost = new AbortController()
  let roundTrips = 0
  client.on('error', (error) => lost.abort(error))
  client.on('end', () => lost.abort())

  async function run<T>(work: () => Promise<T>): Promise<T> {
    roundTrips += 1
    try {
      return await work()
    } catch (error) {
      throw statementError(side, lost.signal.aborted ? (lost.signal.reason ?? error) : error)
    }
  }

  const ask = (text: string, values: readonly unknown[]) =>
    client.query<string[]>({ text, values: [...values], rowMode: 'array', types: asText })

  return {
    side,
    lost: lost.signal,
    roundTrips: () => roundTrips,
    rows: ({ sql, parameters }) => run(async () => (await ask(sql, parameters)).rows),
    script: (statements) =>
      run(async () => {
        const results = [await ask(statements.join(';\n'), [])].flat()
        return results.at(-1)?.rows ?? []
      }),
    portions: ({ sql, parameters }, _columns, size) => readPortions(client, { sql, parameters, size, run }),
    stage: (table, rows) =>
      run(async () => {
        const { from } = await import('pg-copy-streams')
        const name = client.escapeIdentifier(table.name)
        const columns = table.columns.map((column) => client.escapeIdentifier(column.name)).join(', ')
        const copy = client.query(from(`copy ${name} (${columns}) from stdin with (${csvOptions})`))
        await pipeline(Readable.from(pieces(rows)), copy)
      }),
    destroy: (reason) => {
      lost.abort(reason)
      const connection: unknown = Reflect.get(client, 'connection')
      const stream: unknown = connection ? Reflect.get(Object(connection), 'stream') : undefined
      if (stream instanceof Readable) stream.destroy()
    },
    [Symbol.asyncDispose]: release,
  }
}

interface Reading {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly size: () => number
  readonly run: <T>(work: () => Promise<T>) => Promise<T>
}

async function* readPortions(client: pg.ClientBase, { sql, parameters, size, run }: Reading) {
  const { default: Cursor } = await import('pg-cursor')
  const cursor = client.query(new Cursor<Cells>(sql, [...parameters], { rowMode: 'array', types: asText }))
  try {
    while (true) {
      const asked = size()
      const rows = await run(() => cursor.read(asked))
      if (rows.length > 0) yield rows
      if (rows.length < asked) return
    }
  } finally {
    await cursor.close().catch(() => undefined)
  }
}

/** One string for all rows of a batch would hold them twice at once. */
function* pieces(rows: readonly Cells[]): Iterable<Buffer> {
  for (let from = 0; from < rows.length; from += 256) yield Buffer.from(toCsv(rows.slice(from, from + 256)))
}
