import { CompiledQuery } from 'kysely'

import type { Session } from '../../postgres/driver/session.js'
import { critical, ok, warning, type Check } from './check.js'

/** Releases of PostgreSQL with which everything is tested; before the first of them `pg_current_snapshot` does not exist. */
const oldest = 13
const newest = 18

/** Whether this release of PostgreSQL will do. */
export async function checkVersion(session: Session): Promise<Check[]> {
  const name = `${session.side}-version`
  const [row] = await session.rows(
    CompiledQuery.raw(
      `select current_setting('server_version_num')::text, current_setting('server_version')::text`,
    ),
  )
  const major = Math.floor(Number(row?.[0]) / 10_000)
  const message = `The ${session.side} runs PostgreSQL ${row?.[1] ?? 'of an unknown release'}.`
  if (major < oldest) return [critical(name, message, `Use release ${oldest} or later.`)]
  if (major > newest)
    return [warning(name, message, `Releases ${oldest} to ${newest} are tested: have an eye on it.`)]
  return [ok(name, message)]
}

/** Whether the source is a primary or a standby, and how far behind. */
export async function checkMode(source: Session): Promise<Check[]> {
  const name = 'source-mode'
  const [row] = await source.rows(
    CompiledQuery.raw(`
      select
        pg_is_in_recovery()::text,
        extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::bigint::text,
        current_setting('hot_standby_feedback')::text`),
  )
  const [standby, behind, feedback] = row ?? []
  if (standby !== 'true') return [ok(name, 'The source is a primary.')]
  const lag = behind ? `its last replayed commit is ${behind} s old` : 'it has not replayed a commit yet'
  const message = `The source is a standby; ${lag}.`
  if (feedback === 'on') return [ok(name, message)]
  const remedy = 'If long reads are cancelled there, set hot_standby_feedback = on, or read the primary.'
  return [warning(name, `${message} Its primary does not wait for readers.`, remedy)]
}
