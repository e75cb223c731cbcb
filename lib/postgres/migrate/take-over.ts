import type pg from 'pg'

import { SyncError } from '../../domain/errors.js'

/** What `migrate` meets that concerns the Python pipeline. Names are quoted where they have to be. */
export interface PythonFindings {
  /** The table of runs is that of the Python pipeline. */
  readonly isPython: boolean
  /** The table of runs of this package lies beside it, under the name that the way back gave it. */
  readonly wentBack: boolean
  /** Columns of the table that depend on the time of reading, which nothing writes from now on. */
  readonly frozen: readonly string[]
  /** Views that read the old table of runs, and so continue to. */
  readonly onHistory: readonly string[]
  /** Roles that may read one of the old tables, and have no right to what replaces them. */
  readonly readers: readonly string[]
}

/** What there is of the Python pipeline in the target, before anything is migrated. */
export async function findPython(client: pg.Client): Promise<PythonFindings> {
  const { rows } = await client.query<PythonFindings>(
    `
    with history as (
      select coalesce(pg_catalog.to_regclass('etl_control'), pg_catalog.to_regclass('etl_control_python_aside')) as oid
    ),
    python as (
      select h.oid
      from history h
      where h.oid is not null
        and not exists (
          select 1
          from pg_attribute a
          where a.attrelid = h.oid
            and a.attname = 'pipeline'
            and not a.attisdropped
        )
    )
    select
      exists (select 1 from python) as "isPython",
      pg_catalog.to_regclass('etl_control_chatwoot_sync') is not null as "wentBack",
      array(
        select pg_catalog.quote_ident(a.attname)
        from pg_attribute a
        where a.attrelid = pg_catalog.to_regclass('conversas_analytics')
          and a.attname = any($1::text[])
          and not a.attisdropped
        order by a.attnum
      ) as frozen,
      array(
        select distinct v.ev_class::regclass::text
        from python
        join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = python.oid
        join pg_rewrite v on d.classid = 'pg_rewrite'::regclass and v.oid = d.objid
        where v.ev_class is distinct from pg_catalog.to_regclass('vw_etl_stats')
          and v.ev_class <> python.oid
        order by 1
      ) as "onHistory",
      array(
        select distinct case when acl.grantee = 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(acl.grantee)) end
        from pg_class c
        cross join lateral pg_catalog.aclexplode(c.relacl) acl
        where c.oid in (
            (select oid from python), pg_catalog.to_regclass('vw_etl_stats'), pg_catalog.to_regclass('conversas_analytics')
          )
          and acl.privilege_type = 'SELECT'
          and acl.grantee <> c.relowner
        order by 1
      ) as readers`,
    [liveColumns],
  )
  return rows[0] ?? { isPython: false, wentBack: false, frozen: [], onHistory: [], readers: [] }
}

const liveColumns = [
  ...['waiting_time_seconds', 'is_waiting_long', 'is_snoozed', 'days_since_creation'],
  ...['is_today', 'is_yesterday', 'is_this_week', 'is_this_month', 'is_this_year'],
]

/** What those should know whose tables were just taken over: the three changes that they meet first, and what only their database has. */
export function takeOverNotes({ frozen, onHistory, readers }: PythonFindings): string[] {
  const views = 'vw_conversas_analytics and vw_conversas_analytics_v3'
  return [
    'Dashboards keep their numbers on vw_conversas_analytics_v3, which returns the 118 columns of the old view with the values that it returned. vw_conversas_analytics corrects some of them: docs/moving-from-python.md says of each what changed, why, and which formula returns the old value.',
    'What changes most in vw_conversas_analytics: dates and hours are in the time zone of the account or of the inbox, no longer in UTC; priorities are those of Chatwoot, one step higher, and named in Portuguese; a pending conversation is not open.',
    'Rows are as the Python pipeline computed them until they are read again: run chatwoot-sync sync --full once.',
    ...(frozen.length > 0
      ? [
          `Nothing writes these columns of conversas_analytics any more, so they keep the values of the last Python run: ${frozen.join(', ')}. Read them from ${views}.`,
        ]
      : []),
    ...(onHistory.length > 0
      ? [
          `These views read the old runs, now etl_control_python, to which none is added: ${onHistory.join(', ')}. Create them again over etl_control.`,
        ]
      : []),
    ...(readers.length > 0
      ? [
          `Who could read the old tables may not read the new ones yet: grant select on etl_control, vw_etl_stats, ${views.replace(' and ', ', ')} to ${readers.join(', ')};`,
        ]
      : []),
  ]
}

/**
 * Undoes the way back to the Python pipeline: the runs of this package are in `etl_control` again, those of the other in
 * `etl_control_python`. Throws MIGRATION_FAILED, and changes nothing, where that is not possible.
 */
export async function goForwardAgain(client: pg.Client, { wentBack }: PythonFindings): Promise<string[]> {
  if (!wentBack) {
    throw new SyncError(
      'MIGRATION_FAILED',
      'The migrations are applied, but etl_control is the table of the Python pipeline, and there is no etl_control_chatwoot_sync.',
      { remedy: 'Rename the table of runs that chatwoot-sync made to etl_control_chatwoot_sync.' },
    )
  }
  try {
    await client.query(forward)
  } catch (cause) {
    await client.query('rollback')
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SyncError('MIGRATION_FAILED', `The tables could not get their names back: ${reason}.`, {
      remedy: 'Fix what the message names and migrate again; docs/moving-from-python.md has the statements.',
      cause,
    })
  }
  return [
    'The tables have the names again that they had before the way back; the Python runs since then are in etl_control_python. Run chatwoot-sync sync --full once, as rows are as the Python pipeline computed them until they are read again.',
  ]
}

const forward = `
  begin;
  drop view if exists vw_etl_stats;
  drop function if exists get_last_successful_watermark();
  alter table etl_control rename to etl_control_python;
  alter table etl_control_chatwoot_sync rename to etl_control;
  alter view vw_etl_stats_chatwoot_sync rename to vw_etl_stats;
  alter function get_last_watermark_chatwoot_sync(text) rename to get_last_successful_watermark;
  commit`
