import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { reportColumns } from './run-row.js'
import { compile } from '../driver/statement.js'

/** One row: the facts of a pipeline as one JSON, then the reports of the running, the last and the last good run. */
export function statsQuery(pipeline: string): CompiledQuery {
  // Each by itself, so that all but the totals are a step in an index, however many runs there were.
  const own = sql`
    from etl_control
    where pipeline = ${pipeline}::text`
  const good = sql`
    ${own}
      and status = 'success'
    order by started_at desc
    limit 1`
  return compile(sql`
    select
      jsonb_build_object(
        'pipeline', ${pipeline}::text,
        'time', now()::text,
        'isLocked', ${isLocked(pipeline)},
        'freshnessSeconds', (select round(extract(epoch from now() - completed_at)::numeric, 3) ${good}),
        'lagSeconds', (select round(extract(epoch from now() - watermark_end at time zone 'UTC')::numeric, 3) ${good}),
        'runTotals', ${runTotals(pipeline, own)},
        'rowTotals', ${rowTotals(pipeline, own)},
        'failuresInRow', (
          select count(*)
          ${own}
            and status = 'failed'
            and error_code is distinct from 'ABORTED'
            and started_at > coalesce((select started_at ${good}), '-infinity')
        ),
        'rejections', ${rejections(pipeline)},
        'lastVerification', ${lastVerification(pipeline)}
      )::text,
      (select ${reportColumns} ${own} and status = 'running' order by started_at desc limit 1),
      (select ${reportColumns} ${own} order by started_at desc limit 1),
      (select ${reportColumns} ${good})`)
}

/** `pg_locks` shows the halves of the key under which a run holds its lock. */
const isLocked = (pipeline: string) => sql`
  exists (
    select
    from pg_locks l
    join pg_database d on d.oid = l.database
    where d.datname = current_database()
      and l.locktype = 'advisory'
      and l.objsubid = 1
      and l.granted
      and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended(${`chatwoot-sync run ${pipeline}`}::text, 0)
  )`

/** `from` and `where` of the pipeline's runs. */
type Rows = RawBuilder<unknown>

const runTotals = (pipeline: string, own: Rows) => sql`
  coalesce(
    (
      select jsonb_agg(jsonb_build_object('loadType', load_type, 'status', status, 'runs', runs, 'seconds', seconds))
      from (
        select
          load_type,
          status,
          sum(runs) as runs,
          sum(seconds) as seconds
        from (
          select
            load_type,
            status,
            1 as runs,
            coalesce(duration_seconds, 0) as seconds
          ${own}
          union all
          select
            load_type,
            status,
            runs,
            duration_seconds
          ${trimmed(pipeline)}
        ) each_run
        group by
          load_type,
          status
        order by
          load_type,
          status
      ) t
    ),
    '[]'::jsonb
  )`

const rowTotals = (pipeline: string, own: Rows) => sql`
  (
    select jsonb_build_object(
      'inserted', coalesce(sum(rows_inserted), 0),
      'updated', coalesce(sum(rows_updated), 0),
      'unchanged', coalesce(sum(rows_unchanged), 0),
      'rejected', coalesce(sum(rows_rejected), 0),
      'deleted', coalesce(sum(rows_deleted), 0)
    )
    from (
      select
        rows_inserted,
        rows_updated,
        rows_unchanged,
        rows_rejected,
        rows_deleted
      ${own}
      union all
      select
        rows_inserted,
        rows_updated,
        rows_unchanged,
        rows_rejected,
        rows_deleted
      ${trimmed(pipeline)}
    ) each_run
  )`

/** Sums of the runs that are no longer in the control table, so that no total ever goes down. */
const trimmed = (pipeline: string) => sql`
    from etl_trimmed_runs
    where pipeline = ${pipeline}::text`

/** Rows that the target cannot take, by reason, the most frequent one first. */
const rejections = (pipeline: string) => sql`
  coalesce(
    (
      select jsonb_agg(
        jsonb_build_object(
          'sqlState', sql_state,
          'column', column_name,
          'message', message,
          'rows', rows_rejected,
          'lastRejectedAt', last_rejected_at::text
        )
        order by
          rows_rejected desc,
          sql_state,
          column_name
      )
      from vw_etl_reject_reasons
      where pipeline = ${pipeline}::text
    ),
    '[]'::jsonb
  )`

const lastVerification = (pipeline: string) => sql`
  (
    select jsonb_build_object(
      'verificationId', verification_id,
      'pipeline', pipeline,
      'startedAt', started_at::text,
      'completedAt', completed_at::text,
      'durationSeconds', duration_seconds,
      'sourceTime', source_time::text,
      'sample', sample,
      'rowsCompared', rows_compared,
      'rowsMissing', rows_missing,
      'rowsStale', rows_stale,
      'rowsExtra', rows_extra,
      'rowsSilent', rows_silent,
      'rowsPending', rows_pending,
      'rowsRejected', rows_rejected,
      'rowsRepaired', rows_repaired,
      'differingColumns', differing_columns,
      'differingKeys', differing_keys
    )
    from etl_verification
    where pipeline = ${pipeline}::text
    order by started_at desc
    limit 1
  )`
