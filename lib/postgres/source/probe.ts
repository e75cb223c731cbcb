import { CompiledQuery } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Probe, Server, Snapshot } from '../../domain/horizon.js'
import type { Cells, Session } from '../driver/session.js'

/**
 * Looks at the source's clock, open transactions and next transaction id, in this order, as the horizon asks for. In a transaction of
 * its own, which must have ended before the snapshot is taken.
 */
export async function probeSource(source: Session): Promise<Probe> {
  try {
    return toProbe(await source.rows(probeQuery))
  } catch (error) {
    // Some hosted servers keep the control file to themselves.
    if (!(error instanceof SyncError) || error.code !== 'SOURCE_FORBIDDEN') throw error
    return toProbe(await source.rows(probeWithoutIdentity))
  }
}

const startedAt = `(extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint::text as started_at`

/** The snapshot of the open transaction; the last statement of its beginning. */
export const readSnapshot = CompiledQuery.raw(`
  select
    pg_snapshot_xmin(s)::text as xmin,
    pg_snapshot_xmax(s)::text as xmax,
    (pg_snapshot_xmax(s)::text::numeric + age(pg_snapshot_xmax(s)::xid))::text as next,
    array(select pg_snapshot_xip(s)::text)::text as in_progress,
    pg_is_in_recovery()::text as mode,
    ${startedAt}
  from pg_current_snapshot() s`)

/** The server on which the snapshot was taken. */
export function toServer(rows: readonly Cells[]): Server {
  const cell = cellsOf(rows)
  return { mode: modeOf(cell(4)), startedAt: Number(cell(5)) }
}

export function toSnapshot(rows: readonly Cells[]): Snapshot {
  const cell = cellsOf(rows)
  return {
    xmin: BigInt(cell(0)),
    xmax: BigInt(cell(1)),
    next: BigInt(cell(2)),
    inProgress: arrayOf(cell(3)).map((xid) => BigInt(xid)),
  }
}

const identityBySystem = `
    (select system_identifier::text from pg_control_system()) as system,
    case
      when pg_is_in_recovery() then (select timeline_id::text from pg_control_checkpoint())
      else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer::text
    end as timeline`

const identityUnknown = `'unknown' as system, 'unknown' as timeline`

/**
 * Each column has a name of its own, as a caller's Kysely gives objects.
 *
 * Right after a promotion the control file still has the old timeline, so a primary tells it by the name of its WAL file.
 * Transactions of other databases cannot have written here; prepared ones have no process and are kept, as is every doubt.
 */
const probe = (identity: string) => `
  select
    case
      when pg_is_in_recovery() then (extract(epoch from pg_last_xact_replay_timestamp()) * 1000000)::bigint::text
      else (extract(epoch from now()) * 1000000)::bigint::text
    end as at,
    array(
      select distinct l.virtualtransaction
      from pg_locks l
      left join pg_stat_activity a on a.pid = l.pid
      left join pg_database d on d.datname = current_database()
      where (l.locktype = 'virtualxid' or l.pid is null)
        and l.pid is distinct from pg_backend_pid()
        and coalesce(a.datid, d.oid) = d.oid
    )::text as open,
    exists (select from pg_locks where pid is null)::text as prepared,
    (select (pg_snapshot_xmax(s)::text::numeric + age(pg_snapshot_xmax(s)::xid))::text from pg_current_snapshot() s) as next,
    pg_is_in_recovery()::text as mode,
    ${startedAt},
    (select oid::text from pg_database where datname = current_database()) as database,
${identity}`

/** What `toProbe` reads. */
export const probeQuery = CompiledQuery.raw(probe(identityBySystem))

const probeWithoutIdentity = CompiledQuery.raw(probe(identityUnknown))

export function toProbe(rows: readonly Cells[]): Probe {
  const cell = cellsOf(rows)
  const at = rows[0]?.[0] ?? null
  return {
    at: at === null ? null : Number(at),
    open: arrayOf(cell(1)),
    prepared: cell(2) === 'true',
    next: BigInt(cell(3)),
    mode: modeOf(cell(4)),
    startedAt: Number(cell(5)),
    identity: { database: cell(6), system: cell(7), timeline: cell(8) },
  }
}

const modeOf = (isInRecovery: string) => (isInRecovery === 'true' ? 'standby' : 'primary')

/** The texts of the one row that such a statement always has. */
function cellsOf(rows: readonly Cells[]): (index: number) => string {
  return (index) => rows[0]?.[index] ?? ''
}

/** Array of words without quotes, as `array::text` writes it. */
function arrayOf(text: string): string[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',')
}
