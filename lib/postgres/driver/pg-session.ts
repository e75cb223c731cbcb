import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type { CompiledQuery } from 'kysely'
import type pg from 'pg'

import { closeTimeout, startResponseTimeout, unlessAborted } from '../../domain/abort.js'
import { copyRows, unwrapRows } from './binary-copy.js'
import { csvOfTexts } from './text-rows.js'
import { csvOptions, csvPieces, readTexts, requireTexts } from './texts.js'
import { sqlStateOf, statementError } from './driver-error.js'
import type { Cells, Copy, Destination, FetchLimits, Place, RowsOfEach, Session, Side } from './session.js'
import { sessionPins, type SessionPins } from './transaction.js'
import { inline, kyselyOver, plain, sendPipelined, transactionOf } from './statement.js'
import { guardCopy, socketOf, wireOf } from './wire-guard.js'
import { fetchWire, showsWire, type WireReading } from './wire-rows.js'

/** For streams: every value stays the server's text. */
const asText = { getTypeParser: () => (text: string) => text }

/** For named rows: booleans and integers of up to 32 bits become JavaScript's, everything else stays text. */
const parserOf = (oid: number) => parsers[oid] ?? ((text: string) => text)

/** By the object ids of boolean, smallint and integer, which are the same on every server. */
const parsers: Readonly<Record<number, (text: string) => boolean | number>> = {
  16: (text) => text === 't',
  21: Number,
  23: Number,
}

export interface PgSessionOptions {
  /** Returns the connection to its pool, or ends it. */
  readonly release: () => Promise<void>
  /** Milliseconds without a response to a statement after which the connection counts as lost; 0 for never. */
  readonly responseTimeout: number
  /** The caller knows of a pooler in between. */
  readonly isPooled: boolean
  /** The schema of our tables, where the options name it. */
  readonly schema: string | undefined
}

/** A session over a client of pg. */
export function pgSession(
  side: Side,
  client: pg.ClientBase,
  { release, responseTimeout, isPooled, schema }: PgSessionOptions,
): Session {
  const { lost, destroy, guard } = watchConnection({ side, schema }, client, responseTimeout)
  const process = () => (isPooled ? undefined : processOf(client))
  const pins = sessionPins(side, { schema, greetedBy: process })
  let roundTrips = 0
  const onAsk = () => {
    roundTrips += 1
  }

  const run: Run = (work) => {
    onAsk()
    return guard(work)
  }

  /** A server that is out of reach does not confirm the end. */
  async function dispose(): Promise<void> {
    const alarm = setTimeout(() => cutConnection(client), lost.aborted ? 0 : closeTimeout)
    await release().finally(() => clearTimeout(alarm))
  }

  const ask = pinnedPipeline(client, { pins, run, lost })

  const rows = async <Row>(query: CompiledQuery<Row>): Promise<readonly Row[]> =>
    (await ask([query]))[0] ?? []

  return {
    side,
    schema,
    get process() {
      return process()
    },
    get wire() {
      return wireOf(client)
    },
    lost,
    encoding: () => pins.encoding(),
    roundTrips: () => roundTrips,
    db: kyselyOver(rows),
    rows,
    together: async <const Rows extends readonly unknown[]>(queries: {
      readonly [Place in keyof Rows]: CompiledQuery<Rows[Place]>
    }) => (await ask(queries)) as unknown as RowsOfEach<Rows>,
    script: async (statements) => {
      await ask(statements.map(plain))
    },
    fetch: (query, columns, size) =>
      readTexts(pins.encoding(), query, columns, (asked) => fetchRows(client, { ...asked, size, run, lost })),
    fill: async (table, cells) => {
      requireTexts(table, cells)
      await run(() => copyInto(client, table, csvPieces(cells), csvOptions))
    },
    copy: copyOver(client, { lost, guard, onAsk }),
    destroy,
    [Symbol.asyncDispose]: dispose,
  }
}

interface Pipeline {
  readonly pins: SessionPins
  readonly run: Run
  readonly lost: AbortSignal
}

function copyOver(client: pg.ClientBase, { lost, guard, onAsk }: Omit<WireReading, 'client'>): Copy {
  const into = (table: Destination, pieces: Iterable<Buffer>, options: string) => {
    onAsk()
    return guard(() => copyInto(client, table, pieces, options))
  }
  return {
    out: (query) => {
      onAsk()
      return copyOut(client, query, 'format binary', guard)
    },
    csv: (query, options, onRow) => {
      onAsk()
      return copyOut(client, query, `format csv, ${options}`, guard, onRow)
    },
    into: (table, stream) => into(table, stream, 'format binary'),
    // It is known once the connection is there.
    get fetchTexts() {
      if (!showsWire(client)) return undefined
      return (query: CompiledQuery, limits: FetchLimits) =>
        fetchWire({ client, lost, guard, onAsk }, query, limits)
    },
    fillTexts: (table, pieces) => into(table, csvOfTexts(table, pieces), csvOptions),
  }
}

/** Returns the rows of each statement, under pinned settings. What the rows look like is known by whoever wrote the statements. */
function pinnedPipeline(client: pg.ClientBase, { pins, run, lost }: Pipeline) {
  const transaction = transactionOf(client)
  const send = (statements: readonly CompiledQuery[]) =>
    run(() => sendPipelined(client, statements, parserOf))

  return async function ask(statements: readonly CompiledQuery[]): Promise<readonly never[][]> {
    if (pins.areTooEarly(statements)) await ask([plain('select')])
    const pinned = pins.around(statements, transaction.isOpen())
    try {
      const results = await send(pinned.all)
      pinned.learn(results, transaction.isOpen())
      return pinned.places.map((place) => results[place] as never[])
    } catch (error) {
      // A transaction that the caller did not begin is not left for it to end.
      if (pinned.isWrapped && transaction.isOpen() && !lost.aborted)
        await send([plain('rollback')]).catch(() => undefined)
      throw error
    }
  }
}

/** Notices when a connection is lost, and turns the errors of work on it into SyncErrors. */
function watchConnection(place: Place, client: pg.ClientBase, responseTimeout: number) {
  const gone = new AbortController()
  const lost = gone.signal
  client.on('error', (error) => gone.abort(error))
  client.on('end', () => gone.abort())

  function destroy(reason: unknown): void {
    gone.abort(reason)
    cutConnection(client)
  }

  async function guard<T>(work: () => Promise<T>): Promise<T> {
    const stopTimeout = startResponseTimeout(place.side, responseTimeout, destroy)
    try {
      return await work()
    } catch (error) {
      // What the server sent before it closed the connection says more than how the socket closed.
      const isCut = lost.aborted && sqlStateOf(error) === null
      throw statementError(place, isCut ? (lost.reason ?? error) : error)
    } finally {
      stopTimeout()
    }
  }

  return { lost, destroy, guard }
}

/** Process id of the server's end, as the server has announced it. The types of pg do not show it; undefined until it is connected. */
export function processOf(client: pg.ClientBase): string | undefined {
  const id: unknown = Reflect.get(client, 'processID')
  return typeof id === 'number' ? String(id) : undefined
}

type Run = <T>(work: () => Promise<T>) => Promise<T>

/** Nothing else makes the server stop a COPY that is under way. */
function cutConnection(client: pg.ClientBase): void {
  socketOf(client)?.destroy()
}

async function copyInto(
  client: pg.ClientBase,
  table: Destination,
  pieces: Iterable<Buffer>,
  options: string,
): Promise<void> {
  const { default: streams } = await import('pg-copy-streams')
  const copy = client.query(streams.from(`copy ${destination(client, table)} from stdin with (${options})`))
  await pipeline(Readable.from(pieces), copy)
}

async function* copyOut(
  client: pg.ClientBase,
  query: CompiledQuery,
  options: string,
  guard: Run,
  onRow?: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const { default: streams } = await import('pg-copy-streams')
  const text = inline(query, (value) => client.escapeLiteral(value))
  const stream = client.query(
    // Larger pieces than the default: each costs a turn of the event loop.
    streams.to(`copy (${text}) to stdout with (${options})`, { highWaterMark: 128 * 1024 }),
  )
  takePieces(stream, onRow)
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

/** The stream parses the messages of the server by itself; those that bring rows are taken before it. */
function takePieces(stream: Readable, onRow?: (bytes: number) => void): void {
  const parse: unknown = Reflect.get(stream, '_parse')
  if (typeof parse !== 'function') return
  const check = guardCopy()
  const unwrap = unwrapRows(copyRows, onRow)
  Reflect.set(stream, '_parse', (piece: Buffer): unknown => {
    try {
      check(piece)
    } catch (error) {
      stream.destroy(error instanceof Error ? error : undefined)
      return false
    }
    const { rows, others } = unwrap(piece)
    const wantsMore = rows.length === 0 || stream.push(rows)
    if (others.length === 0) return wantsMore
    const parsed: unknown = Reflect.apply(parse, stream, [others])
    return parsed === true ? wantsMore : parsed
  })
}

function destination(client: pg.ClientBase, { schema, name, columns }: Destination): string {
  const escape = (identifier: string) => client.escapeIdentifier(identifier)
  const table = schema === undefined ? escape(name) : `${escape(schema)}.${escape(name)}`
  return `${table} (${columns.map((column) => escape(column.name)).join(', ')})`
}

interface Fetching {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly size: () => number
  readonly run: Run
  readonly lost: AbortSignal
}

async function* fetchRows(client: pg.ClientBase, { sql, parameters, size, run, lost }: Fetching) {
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
    // A connection that is lost never responds.
    if (!lost.aborted) await unlessAborted(cursor.close(), lost).catch(() => undefined)
  }
}
