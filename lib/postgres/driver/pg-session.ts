import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type { CompiledQuery } from 'kysely'
import type pg from 'pg'

import { csvOptions, csvPieces } from './csv.js'
import { sqlStateOf, statementError } from './driver-error.js'
import { afterSilence, closePatience } from './response-timeout.js'
import { inline } from './inline.js'
import type { Cells, Session, Side, Destination } from './session.js'
import { socketOf } from './unreadable.js'

/** Leaves every value as the server's text. */
const asText = { getTypeParser: () => (text: string) => text }

/**
 * A session over a client of pg. `release` gives the connection back, or ends it. After `silence` milliseconds without an answer to a
 * statement the connection counts as lost; 0 for never. `isPooled` says that the caller knows of a pooler in between.
 */
export function pgSession(
  side: Side,
  client: pg.ClientBase,
  { release, silence, isPooled }: { release: () => Promise<void>; silence: number; isPooled: boolean },
): Session {
  const { lost, destroy, guard } = watchConnection(side, client, silence)
  let roundTrips = 0

  const run: Run = (work) => {
    roundTrips += 1
    return guard(work)
  }

  /** A server that is out of reach does not confirm the end. */
  async function dispose(): Promise<void> {
    const alarm = setTimeout(() => cutConnection(client), lost.aborted ? 0 : closePatience)
    await release().finally(() => clearTimeout(alarm))
  }

  const ask = (text: string, values: readonly unknown[]) =>
    client.query<string[]>({ text, values: [...values], rowMode: 'array', types: asText })

  return {
    side,
    get process() {
      return isPooled ? undefined : processOf(client)
    },
    lost,
    roundTrips: () => roundTrips,
    rows: ({ sql, parameters }) => run(async () => (await ask(sql, parameters)).rows),
    script: (statements) =>
      run(async () => {
        const results = [await ask(statements.join(';\n'), [])].flat()
        return results.at(-1)?.rows ?? []
      }),
    together: (queries) =>
      run(async () => {
        const text = queries.map((query) => inline(query, (value) => client.escapeLiteral(value))).join(';\n')
        return [await ask(text, [])].flat().map(({ rows }) => rows)
      }),
    portions: ({ sql, parameters }, _columns, size) =>
      readPortions(client, { sql, parameters, size, run, lost }),
    stage: (table, rows) =>
      run(async () => {
        const { default: streams } = await import('pg-copy-streams')
        const copy = client.query(
          streams.from(`copy ${destination(client, table)} from stdin with (${csvOptions})`),
        )
        await pipeline(Readable.from(csvPieces(rows)), copy)
      }),
    copy: {
      out: (query) => {
        roundTrips += 1
        return copyOut(client, query, guard)
      },
      into: (table, stream) => run(() => copyInto(client, table, stream)),
    },
    destroy,
    [Symbol.asyncDispose]: dispose,
  }
}

/** Notices when a connection is gone, and gives the errors of work on it their codes. */
function watchConnection(side: Side, client: pg.ClientBase, silence: number) {
  const gone = new AbortController()
  const lost = gone.signal
  client.on('error', (error) => gone.abort(error))
  client.on('end', () => gone.abort())

  function destroy(reason: unknown): void {
    gone.abort(reason)
    cutConnection(client)
  }

  async function guard<T>(work: () => Promise<T>): Promise<T> {
    const calm = afterSilence(side, silence, destroy)
    try {
      return await work()
    } catch (error) {
      // What the server said before it ended the connection tells more than how the socket ended.
      const isCut = lost.aborted && sqlStateOf(error) === null
      throw statementError(side, isCut ? (lost.reason ?? error) : error)
    } finally {
      calm()
    }
  }

  return { lost, destroy, guard }
}

/** Process id of the server's end, as the server has told it. The types of pg do not show it; null before the connection stands. */
export function processOf(client: pg.ClientBase): string | undefined {
  const id: unknown = Reflect.get(client, 'processID')
  return typeof id === 'number' ? String(id) : undefined
}

type Run = <T>(work: () => Promise<T>) => Promise<T>

/** Nothing else tells the server to stop a COPY that is under way. */
function cutConnection(client: pg.ClientBase): void {
  socketOf(client)?.destroy()
}

async function copyInto(client: pg.ClientBase, table: Destination, stream: Iterable<Buffer>): Promise<void> {
  const { default: streams } = await import('pg-copy-streams')
  const copy = client.query(
    streams.from(`copy ${destination(client, table)} from stdin with (format binary)`),
  )
  await pipeline(Readable.from(stream), copy)
}

async function* copyOut(client: pg.ClientBase, query: CompiledQuery, guard: Run): AsyncGenerator<Buffer> {
  const { default: streams } = await import('pg-copy-streams')
  const text = inline(query, (value) => client.escapeLiteral(value))
  const stream = client.query(
    // Larger pieces than the default: each costs a turn of the event loop.
    streams.to(`copy (${text}) to stdout with (format binary)`, { highWaterMark: 128 * 1024 }),
  )
  const pieces = stream[Symbol.asyncIterator]()
  let isDone = false
  try {
    while (true) {
      const { value, done } = await guard(() => pieces.next())
      if (done) break
      yield value
    }
    isDone = true
  } finally {
    if (!isDone) cutConnection(client)
  }
}

function destination(client: pg.ClientBase, { schema, name, columns }: Destination): string {
  const escape = (identifier: string) => client.escapeIdentifier(identifier)
  const table = schema === undefined ? escape(name) : `${escape(schema)}.${escape(name)}`
  return `${table} (${columns.map((column) => escape(column.name)).join(', ')})`
}

interface Reading {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly size: () => number
  readonly run: Run
  readonly lost: AbortSignal
}

async function* readPortions(client: pg.ClientBase, { sql, parameters, size, run, lost }: Reading) {
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
    // A connection that is gone never answers. One that stays is asked again and again: the listener has to go.
    const closed = new AbortController()
    const gone = once(lost, 'abort', { signal: closed.signal }).catch(() => undefined)
    if (!lost.aborted) await Promise.race([cursor.close().catch(() => undefined), gone])
    closed.abort()
  }
}
