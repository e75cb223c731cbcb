import { sql, CompiledQuery, type Kysely } from 'kysely'

import { baseType } from './column-types.js'
import { statementError } from './driver-error.js'
import type { Cells, Session, Side, Destination } from './session.js'
import { afterSilence, closePatience, unlessLost, within } from './response-timeout.js'
import { compile } from './statement.js'

/** Any Kysely over PostgreSQL, whatever its tables. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- Kysely is invariant in its tables: only any accepts every caller's.
export type KyselyHandle = Kysely<any>

/**
 * A session over a connection of a caller's Kysely, without its driver's own ways of streaming: only statements. Its connection cannot be
 * cut from here, so one that does not answer is left alone, and given back once its last statement has ended.
 */
export function kyselySession(
  side: Side,
  db: KyselyHandle,
  { release, silence }: { release: () => Promise<void>; silence: number },
): Session {
  const lost = new AbortController()
  // A plugin of the caller's would give objects for texts that look like JSON, for one.
  const plain = db.withoutPlugins()
  let roundTrips = 0
  let pending: Promise<unknown> = Promise.resolve()

  const destroy = (reason: unknown) => lost.abort(reason)

  async function rows(query: CompiledQuery): Promise<readonly Cells[]> {
    roundTrips += 1
    const calm = afterSilence(side, silence, destroy)
    const answer = plain.executeQuery<Record<string, unknown>>(query)
    pending = answer.catch(() => undefined)
    try {
      const result = await unlessLost(answer, lost.signal)
      return result.rows.map((row) =>
        Object.values(row).map((value) => (value === null ? null : String(value))),
      )
    } catch (error) {
      const failure = statementError(side, lost.signal.aborted ? (lost.signal.reason ?? error) : error)
      if (failure.code.endsWith('_UNREACHABLE')) destroy(failure)
      throw failure
    } finally {
      calm()
    }
  }

  async function giveBack(): Promise<void> {
    await pending
    for (const statement of ['rollback', 'select pg_advisory_unlock_all()', 'discard temp']) {
      await plain.executeQuery(CompiledQuery.raw(statement)).catch(() => undefined)
    }
    await release()
  }

  return {
    side,
    process: undefined,
    lost: lost.signal,
    roundTrips: () => roundTrips,
    rows,
    script: async (statements) => {
      let last: readonly Cells[] = []
      for (const statement of statements) last = await rows(CompiledQuery.raw(statement))
      return last
    },
    together: async (queries) => {
      const results: (readonly Cells[])[] = []
      for (const query of queries) results.push(await rows(query))
      return results
    },
    copy: undefined,
    portions: (query, columns, size) => fetchPortions(rows, query, columns, size),
    stage: async (table, cells) => {
      await rows(compile(insertTexts(table, cells)))
    },
    destroy,
    [Symbol.asyncDispose]: () => within(giveBack(), closePatience),
  }
}

type Rows = (query: CompiledQuery) => Promise<readonly Cells[]>

/** The cursor belongs to the transaction in which the run reads. Its columns are renamed, as an object cannot hold one name twice. */
async function* fetchPortions(rows: Rows, query: CompiledQuery, columns: number, size: () => number) {
  const names = Array.from({ length: columns }, (_, index) => `c${index}`)
  const texts = names.map((name) => `portion.${name}::text as ${name}`).join(', ')
  const text = `declare chatwoot_sync_portion no scroll cursor for select ${texts} from (${query.sql}) portion (${names.join(', ')})`
  await rows(CompiledQuery.raw(text, [...query.parameters]))
  try {
    while (true) {
      const asked = size()
      const portion = await rows(
        CompiledQuery.raw(`fetch forward ${Math.trunc(asked)} from chatwoot_sync_portion`),
      )
      if (portion.length > 0) yield portion
      if (portion.length < asked) break
    }
  } finally {
    await rows(CompiledQuery.raw('close chatwoot_sync_portion')).catch(() => undefined)
  }
}

/** All rows in one parameter, so the text stays the same for each batch. */
function insertTexts({ schema, name, columns }: Destination, rows: readonly Cells[]) {
  const values = columns.map(
    ({ type }, index) => sql`(entry ->> ${sql.lit(index)})::${sql.raw(baseType(type))}`,
  )
  return sql`
    insert into ${schema === undefined ? sql.id(name) : sql.id(schema, name)} (${sql.join(columns.map((column) => sql.id(column.name)))})
    select ${sql.join(values)}
    from json_array_elements(${JSON.stringify(rows)}::json) entry`
}
