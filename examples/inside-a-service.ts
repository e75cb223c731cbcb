/** A service that syncs on a timer and reads the result, typed, over the same pool. SIGTERM ends it cleanly. */
import { setTimeout as wait } from 'node:timers/promises'

import { syncConversations, SyncError, type DB, type Logger } from 'chatwoot-sync'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'

const { SOURCE_DATABASE_URL, LOCAL_DATABASE_URL, SYNC_EVERY_SECONDS = '300' } = process.env
if (!SOURCE_DATABASE_URL || !LOCAL_DATABASE_URL) {
  throw new Error('Set SOURCE_DATABASE_URL and LOCAL_DATABASE_URL.')
}

const { DATE, TIMESTAMP, TIMESTAMPTZ } = pg.types.builtins
const times = new Set<number>([DATE, TIMESTAMP, TIMESTAMPTZ])
/** Times as texts, as the types of DB have them: a Date would lose microseconds, and take UTC for local time. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    const parse: (value: string) => unknown = pg.types.getTypeParser(oid, format)
    return times.has(oid) && format !== 'binary' ? String : parse
  },
}

const source = new pg.Pool({ connectionString: SOURCE_DATABASE_URL, max: 1 })
const target = new pg.Pool({ connectionString: LOCAL_DATABASE_URL, max: 5, types })
const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool: target }) })

const logger: Logger = {
  debug: () => undefined,
  info: (message, fields) => console.log(JSON.stringify({ level: 'info', message, ...fields })),
  warn: (message, fields) => console.warn(JSON.stringify({ level: 'warn', message, ...fields })),
  error: (message, fields) => console.error(JSON.stringify({ level: 'error', message, ...fields })),
}

// A server that restarts ends idle connections; without a listener that would end the process.
for (const pool of [source, target]) {
  pool.on('error', ({ message }) => logger.warn('An idle connection was lost', { reason: message }))
}

const stop = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(new Error(name)))

while (!stop.signal.aborted) {
  await syncOnce()
  // One after the other, so that a long run delays the next one and never meets it.
  await wait(Number(SYNC_EVERY_SECONDS) * 1000, undefined, { signal: stop.signal }).catch(() => undefined)
}
await db.destroy()
await source.end()

/** A run that failed is logged by the library and kept in etl_control; the next one goes on from the last good one. */
async function syncOnce(): Promise<void> {
  try {
    await syncConversations({ source, target, triggeredBy: 'scheduler', signal: stop.signal, logger })
    for (const team of await openByTeam()) logger.info('Open conversations', team)
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
  }
}

async function openByTeam() {
  return db
    .selectFrom('vw_conversas_analytics')
    .select(['team_name', sql<number>`count(*)::integer`.as('open')])
    .select(({ fn }) => fn.max('waiting_since').as('newest_waiting_since'))
    .where('is_open', '=', true)
    .groupBy('team_name')
    .orderBy('open', 'desc')
    .limit(3)
    .execute()
}
