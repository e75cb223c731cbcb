/** A service that syncs every five minutes and reads the result, typed, over the same pool. SIGTERM ends it cleanly. */
import { watch, type DB, type LogFields, type Logger } from 'chatwoot-sync'
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

const log = (level: string) => (message: string, fields?: LogFields) => {
  console.log(JSON.stringify({ level, message, ...fields }))
}
const logger: Logger = { debug: () => undefined, info: log('info'), warn: log('warn'), error: log('error') }

// A server that restarts ends idle connections; without a listener that would end the process.
for (const pool of [source, target]) {
  pool.on('error', ({ message }) => logger.warn('An idle connection was lost', { reason: message }))
}

const stop = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(new Error(name)))

const every = Number(SYNC_EVERY_SECONDS) * 1000
// A run that failed is logged and kept in etl_control; the next one continues from the last successful one.
await watch({ source, target, every, signal: stop.signal, logger, onRun: logOpenByTeam })
await db.destroy()
await source.end()

async function logOpenByTeam() {
  const teams = await db
    .selectFrom('vw_conversas_analytics')
    .select(['team_name', sql<number>`count(*)::integer`.as('open')])
    .select(({ fn }) => fn.max('waiting_since').as('newest_waiting_since'))
    .where('is_open', '=', true)
    .groupBy('team_name')
    .orderBy('open', 'desc')
    .limit(3)
    .execute()
  for (const team of teams) logger.info('Open conversations', team)
}
