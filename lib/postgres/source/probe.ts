import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Probe, Server, Snapshot } from '../../domain/horizon.js'
import type { Warning } from '../../domain/report.js'
import { ownPathSetting } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile, onlyRow } from '../driver/statement.js'

/**
 * Looks at the source's clock, open transactions and next transaction id, in this order, as the low watermark requires. In a transaction of
 * its own, which must have ended before the snapshot is taken.
 */
export async function probeSource(source: Session): Promise<SourceProbe> {
  try {
    return toProbe(onlyRow(await source.rows(probeQuery)))
  } catch (error) {
    // Some hosted servers keep the control file to themselves.
    if (!(error instanceof SyncError) || error.code !== 'SOURCE_FORBIDDEN') throw error
    return toProbe(onlyRow(await source.rows(probeWithoutIdentity)))
  }
}

/** The next transaction id, by the name of a snapshot. */
const nextOf = (snapshot: string) =>
  sql.raw(`pg_snapshot_xmax(${snapshot})::text::numeric + age(pg_snapshot_xmax(${snapshot})::xid)`)

const startedAt = sql.raw(
  `(extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint::text as started_at`,
)

/** What `snapshotQuery` returns: of the open transaction, and of the server on which it runs. */
export interface SnapshotRow {
  readonly xmin: string
  readonly xmax: string
  readonly next: string
  readonly in_progress: string
  readonly is_standby: boolean
  readonly started_at: string
}

/** The snapshot of the open transaction; the last statement of its beginning. */
export const snapshotQuery: CompiledQuery<SnapshotRow> = compile(sql<SnapshotRow>`
  select
    pg_snapshot_xmin(s)::text as xmin,
    pg_snapshot_xmax(s)::text as xmax,
    (${nextOf('s')})::text as next,
    array(select pg_snapshot_xip(s)::text)::text as in_progress,
    pg_is_in_recovery() as is_standby,
    ${startedAt}
  from pg_current_snapshot() s`)

/** The server on which the snapshot was taken. */
export function toServer(row: Pick<SnapshotRow, 'is_standby' | 'started_at'>): Server {
  return { mode: row.is_standby ? 'standby' : 'primary', startedAt: Number(row.started_at) }
}

export function toSnapshot(row: SnapshotRow): Snapshot {
  return {
    xmin: BigInt(row.xmin),
    xmax: BigInt(row.xmax),
    next: BigInt(row.next),
    inProgress: arrayOf(row.in_progress).map((xid) => BigInt(xid)),
  }
}

/** On a standby that of the last replayed commit. */
const time = sql.raw(`
    case
      when pg_is_in_recovery() then (extract(epoch from pg_last_xact_replay_timestamp()) * 1000000)::bigint::text
      else (extract(epoch from now()) * 1000000)::bigint::text
    end`)

const identityBySystem = sql.raw(`
    (select system_identifier::text from pg_control_system()) as system,
    case
      when pg_is_in_recovery() then (select timeline_id::text from pg_control_checkpoint())
      else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer::text
    end as timeline`)

const identityUnknown = sql.raw(`'unknown' as system, 'unknown' as timeline`)

/** What a probe returns. */
export interface ProbeRow {
  readonly at: string | null
  readonly open: string
  readonly writing: string
  readonly prepared: boolean
  readonly next: string
  readonly is_standby: boolean
  readonly started_at: string
  readonly database: string
  readonly system: string
  readonly timeline: string
  /** The role and the path of it: what a name means, and what may be read. */
  readonly reader: string
}

/**
 * Right after a promotion the control file still has the old timeline, so a primary shows it in the name of its WAL file.
 *
 * `sessions` depends on `ids`, and `locks` on `sessions`, so that they are read in this order: an id below `next` is seen while it is in
 * progress, and a transaction that is just being prepared either with its process or without. A session in another database cannot have
 * written in this one, nor can one without a database: it is a process that has none, or that is still logging in, in a transaction that
 * only reads the catalog. A lock without a session is of one that began after the sessions were read. A prepared transaction shows its database also by what it has locked, where 0 is
 * what databases share. Any role may read ids, databases and locks of all sessions.
 */
const probe = (identity: RawBuilder<unknown>): CompiledQuery<ProbeRow> =>
  compile(sql<ProbeRow>`
  with
    ids as materialized (
      select ${nextOf('s')} as next from pg_current_snapshot() s
    ),
    here as (
      select oid from pg_database where datname = current_database()
    ),
    sessions as materialized (
      select s.pid, s.xid, coalesce(s.datid = here.oid, false) as is_here
      from ids
      cross join here
      cross join lateral (
        select pid, datid, ids.next - age(backend_xid) as xid from pg_stat_activity offset 0
      ) s
    ),
    locks as materialized (
      select l.*
      from (select count(*) as seen from sessions) s
      cross join lateral (
        select pid, virtualtransaction as vxid, transactionid, database
        from pg_locks
        where s.seen > 0 and (locktype = 'virtualxid' or pid is null)
        offset 0
      ) l
    ),
    prepared_elsewhere as (
      select l.vxid
      from locks l
      cross join here
      left join pg_prepared_xacts p on p.transaction = l.transactionid
      where l.pid is null and (p.database <> current_database() or l.database not in (0, here.oid))
    ),
    open as materialized (
      select l.*
      from locks l
      left join sessions s on s.pid = l.pid
      where l.pid is distinct from pg_backend_pid()
        and (l.pid is null or s.is_here)
        and not exists (select 1 from prepared_elsewhere p where p.vxid = l.vxid)
    )
  select
    ${time} as at,
    array(select distinct vxid from open)::text as open,
    exists (select 1 from open where pid is null) as prepared,
    ids.next::text as next,
    pg_is_in_recovery() as is_standby,
    ${startedAt},
    (select oid::text from here) as database,
    ${identity},
    current_user || ' ' || current_setting(${sql.lit(ownPathSetting)}, true) as reader,
    array(
      select xid from sessions where is_here and xid is not null
      union all
      select ids.next - age(transactionid) from open where pid is null and transactionid is not null
    )::text as writing
  from ids`)

export const probeQuery = probe(identityBySystem)

export const probeWithoutIdentity = probe(identityUnknown)

/** A probe, and who has read it. */
export interface SourceProbe extends Probe {
  readonly reader: string
}

export function toProbe(row: ProbeRow): SourceProbe {
  return {
    reader: row.reader,
    ...toServer(row),
    at: row.at === null ? null : Number(row.at),
    open: arrayOf(row.open),
    writing: arrayOf(row.writing).map((xid) => BigInt(xid)),
    prepared: row.prepared,
    next: BigInt(row.next),
    identity: { database: row.database, system: row.system, timeline: row.timeline },
  }
}

/** Array of words without quotes, as `array::text` writes it. */
function arrayOf(text: string): string[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',')
}

/**
 * Which of these time zones the server lists in `pg_timezone_names`. To list them it reads all its zone files, which takes tens of milliseconds;
 * from PostgreSQL 16 on it can say of most names without the list.
 */
export async function knownTimeZones(
  session: Session,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const { can_test: canTest } = onlyRow(await session.rows(canTestInput))
  const words = canTest ? names.filter((name) => isPlace(name) || isWord(name)) : []
  const readable = words.length > 0 ? await readableZones(session, words) : new Set<string>()
  const known = words.filter((name) => readable.has(name) && (isPlace(name) || name === 'UTC'))
  const open = names.filter((name) => !words.includes(name) || (readable.has(name) && !known.includes(name)))
  return new Set([...known, ...(open.length > 0 ? await listedZones(session, open) : [])])
}

/** Names with the form of `America/Port-au-Prince`, which a time can only have at its end as the name of a zone file, capital or not. */
const isPlace = (name: string) =>
  /^[A-Z][A-Za-z]+([_-][A-Za-z]+)*(\/[A-Z][A-Za-z]+([_-][A-Za-z]+)*)+$/.test(name)

/** What a time with a zone can have at its end as an abbreviation, too, or as a word of another meaning. */
const isWord = (name: string) => /^[A-Za-z]+$/.test(name)

const canTestInput = compile(sql<{ can_test: boolean }>`
  select current_setting('server_version_num')::integer >= 160000 as can_test`)

async function readableZones(session: Session, names: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await session.rows(
    compile(sql<{ name: string }>`
    select name
    from json_array_elements_text(${JSON.stringify(names)}::json) asked (name)
    where pg_input_is_valid('2000-01-01 00:00:00 ' || name, 'timestamptz')`),
  )
  return new Set(rows.map(({ name }) => name))
}

async function listedZones(session: Session, names: readonly string[]): Promise<readonly string[]> {
  const rows = await session.rows(
    compile(sql<{ name: string }>`
    select name::text as name
    from pg_timezone_names
    where name in (select json_array_elements_text(${JSON.stringify(names)}::json))`),
  )
  return rows.map(({ name }) => name)
}

/** Whether both servers know each of the time zones; those of an earlier run are not checked again. */
export async function checkTimeZones(
  source: Session,
  target: Session,
  names: readonly string[],
  earlier: Readonly<Record<string, boolean>> = {},
): Promise<Record<string, boolean>> {
  const known = Object.fromEntries(Object.entries(earlier).filter(([name]) => names.includes(name)))
  const unknown = names.filter((name) => known[name] === undefined)
  if (unknown.length === 0) return known
  const [here, there] = await Promise.all([knownTimeZones(source, unknown), knownTimeZones(target, unknown)])
  const checked = Object.fromEntries(unknown.map((name) => [name, here.has(name) && there.has(name)]))
  return { ...known, ...checked }
}

/** For those that `checkTimeZones` has found to be unknown. */
export function unknownTimeZones(timeZones: Readonly<Record<string, boolean>>): Warning[] {
  const unknown = Object.entries(timeZones).flatMap(([name, isKnown]) => (isKnown ? [] : [name]))
  if (unknown.length === 0) return []
  const message = `Time zones that the servers do not both know: ${unknown.join(', ')}. For that of an inbox UTC is used, for that of an account the one of the inbox.`
  return [{ code: 'TIME_ZONE_UNKNOWN', message }]
}

/** For one that an option names. */
export function unknownTimeZone(option: string, name: string): SyncError {
  return new SyncError(
    'CONFIG_INVALID',
    `${option} is ${JSON.stringify(name)}, which the servers do not both know.`,
    { remedy: 'Use a name from pg_timezone_names, such as America/Sao_Paulo.' },
  )
}
