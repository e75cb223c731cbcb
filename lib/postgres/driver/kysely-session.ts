import { sql, CompiledQuery, type Kysely, type RawBuilder } from 'kysely'

import { closeTimeout, startResponseTimeout, unlessAborted, withinTime } from '../../domain/abort.js'
import { statementError } from './driver-error.js'
import { readTexts, requireTexts } from './texts.js'
import type { PgSessionOptions } from './pg-session.js'
import type { Cells, Destination, RowsOfEach, Session, Side } from './session.js'
import { pinWholeSession, restoreSettings, type EarlierSettings } from './pinned-settings.js'
import { isBegin, sessionPins } from './transaction.js'
import { compile, kyselyOver, onlyRow, withControlSchema } from './statement.js'

/** Any Kysely over PostgreSQL, whatever its tables. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- Kysely is invariant in its tables: only any accepts every caller's.
export type KyselyHandle = Kysely<any>

/**
 * A session over a connection of a caller's Kysely: statements only, without the driver's own ways of streaming. The connection cannot be
 * cut from here, so one that does not respond is left alone, and returned once its last statement has ended.
 */
export function kyselySession(
  side: Side,
  handle: KyselyHandle,
  { release, responseTimeout, schema }: Pick<PgSessionOptions, 'release' | 'responseTimeout' | 'schema'>,
): Session {
  const lost = new AbortController()
  // A plugin could rename columns, or parse texts that look like JSON.
  const plain = handle.withoutPlugins()
  let roundTrips = 0
  let pending: Promise<unknown> = Promise.resolve()

  const destroy = (reason: unknown) => lost.abort(reason)

  async function send<Row>(query: CompiledQuery<Row>): Promise<readonly Row[]> {
    roundTrips += 1
    const stopTimeout = startResponseTimeout(side, responseTimeout, destroy)
    const answer = plain.executeQuery<Row>(query)
    pending = answer.catch(() => undefined)
    try {
      return (await unlessAborted(answer, lost.signal, lostError)).rows
    } catch (error) {
      const cause = lost.signal.aborted ? (lost.signal.reason ?? error) : error
      const failure = statementError({ side, schema }, cause)
      if (failure.code.endsWith('_UNREACHABLE')) destroy(failure)
      throw failure
    } finally {
      stopTimeout()
    }
  }

  const { ask, restore, encoding } = pinnedStatements(side, schema, send)

  const rows: Rows = async (query) => (await ask([query]))[0] ?? []

  async function giveBack(): Promise<void> {
    await pending
    for (const statement of [...cleaning, ...restore()]) {
      await plain.executeQuery(statement).catch(() => undefined)
    }
    await release()
  }

  return {
    ...{ side, schema, process: undefined, wire: undefined },
    lost: lost.signal,
    encoding,
    roundTrips: () => roundTrips,
    db: kyselyOver(rows),
    rows,
    script: async (statements) => {
      await ask(statements.map((statement) => CompiledQuery.raw(statement)))
    },
    together: async <const Rows extends readonly unknown[]>(queries: {
      readonly [Place in keyof Rows]: CompiledQuery<Rows[Place]>
    }) => (await ask(queries)) as unknown as RowsOfEach<Rows>,
    copy: undefined,
    fetch: (query, columns, size) =>
      readTexts(encoding(), query, columns, (asked) => fetchRows(rows, asked, columns, size)),
    fill: async (table, cells) => {
      requireTexts(table, cells)
      await rows(compile(insertTexts(table, cells)))
    },
    destroy,
    [Symbol.asyncDispose]: () =>
      withinTime(giveBack(), closeTimeout, () => new Error('not returned in time')).catch(() => undefined),
  }
}

/** The caller must find no transaction, no lock and no table of ours. */
const cleaning = ['rollback', 'select pg_catalog.pg_advisory_unlock_all()', 'discard temp'].map((text) =>
  CompiledQuery.raw(text),
)

/**
 * The statements of a session, one by one, under pinned settings. Those of the target are pinned for as long as the connection is held, and
 * are restored after it; those of the source in each transaction, as a pooler may hand the connection to others in between.
 */
function pinnedStatements(side: Side, schema: string | undefined, send: Rows) {
  const pins = sessionPins(side, { schema, greetedBy: () => undefined })
  let earlier: EarlierSettings | undefined
  let isOpen = false

  async function one<Row>(statement: CompiledQuery<Row>): Promise<readonly Row[]> {
    if (isBegin(statement)) isOpen = true
    else if (isEnd(statement)) isOpen = false
    return send(statement)
  }

  async function ask(statements: readonly CompiledQuery[]): Promise<readonly never[][]> {
    if (side === 'target') {
      earlier ??= onlyRow(await send(pinWholeSession(side, schema)))
      const { control } = earlier
      return inOrder(statements.map((statement) => withControlSchema(statement, control)))
    }
    const pinned = pins.around(statements, isOpen)
    try {
      const results = await inOrder(pinned.all)
      pinned.learn(results, isOpen)
      return pinned.places.map((place) => results[place] ?? [])
    } catch (error) {
      if (pinned.isWrapped) await one(CompiledQuery.raw('rollback')).catch(() => undefined)
      throw error
    }
  }

  async function inOrder(statements: readonly CompiledQuery[]): Promise<never[][]> {
    const results: never[][] = []
    for (const statement of statements) results.push((await one(statement)) as never[])
    return results
  }

  return {
    ask,
    restore: () => (earlier ? [restoreSettings(earlier)] : []),
    encoding: () => earlier?.encoding ?? pins.encoding(),
  }
}

const isEnd = ({ sql: text }: CompiledQuery) => /^\s*(commit|end|rollback(?! to))\b/i.test(text)

const lostError = (reason: unknown) =>
  reason instanceof Error ? reason : new Error('The connection is lost')

type Rows = Session['rows']

/** The cursor belongs to the transaction in which the run reads. Its columns are renamed, as an object cannot hold one name twice. */
async function* fetchRows(rows: Rows, query: CompiledQuery, columns: number, size: () => number) {
  const names = Array.from({ length: columns }, (_, index) => `c${index}`)
  const texts = names.map((name) => `batch.${name}::text as ${name}`).join(', ')
  const text = `declare chatwoot_sync_batch no scroll cursor for select ${texts} from (${query.sql}) batch (${names.join(', ')})`
  await rows(CompiledQuery.raw(text, [...query.parameters]))
  try {
    while (true) {
      const asked = size()
      const fetched = await rows(
        compile(
          sql<
            Readonly<Record<string, string | null>>
          >`fetch forward ${sql.lit(Math.trunc(asked))} from chatwoot_sync_batch`,
        ),
      )
      const batch = fetched.map((row): Cells => names.map((name) => row[name] ?? null))
      if (batch.length > 0) yield batch
      if (batch.length < asked) break
    }
  } finally {
    await rows(CompiledQuery.raw('close chatwoot_sync_batch')).catch(() => undefined)
  }
}

/** All rows in one parameter, so that the text stays the same for each batch. */
function insertTexts({ schema, name, columns, isIdentity = false }: Destination, rows: readonly Cells[]) {
  const values = columns.map(({ type }, index) => readAs(type, sql`entry ->> ${sql.lit(index)}`))
  return sql`
    insert into ${schema === undefined ? sql.id(name) : sql.id(schema, name)} (${sql.join(columns.map((column) => sql.id(column.name)))})
    ${isIdentity ? sql`overriding system value` : sql``}
    select ${sql.join(values)}
    from json_array_elements(${JSON.stringify(rows)}::json) entry`
}

/** A value of the text as COPY reads it: a cast takes the text of a regclass for a name, also where it is the number of what is gone. */
function readAs(type: string, text: RawBuilder<unknown>): RawBuilder<unknown> {
  return type === 'regclass'
    ? sql`pg_catalog.regclassin(pg_catalog.textout(${text}))`
    : sql`(${text})::${sql.raw(type)}`
}
