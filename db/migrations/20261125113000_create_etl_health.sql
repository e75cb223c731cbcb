-- Whether the table can be trusted, as one row for each check: for psql, for a dashboard, and for chatwoot-sync health, which asks here.

-- migrate:up
create function etl_health(
  pipeline_name text default 'conversations',
  expected_interval interval default null,
  stuck_after interval default null,
  skew_allowance interval default null
)
returns table (
  check_name text,
  outcome text,
  value numeric,
  unit text,
  warning_limit numeric,
  critical_limit numeric,
  detail text,
  remedy text
)
language sql
stable
as $$
  with given as (
    select
      coalesce($2, nullif(current_setting('chatwoot_sync.expected_interval', true), '')::interval, '24 hours') as every,
      coalesce($3, nullif(current_setting('chatwoot_sync.stuck_after', true), '')::interval, '6 hours') as stuck,
      coalesce($4, nullif(current_setting('chatwoot_sync.skew_allowance', true), '')::interval, '60 seconds') as skew
  ),
  limits as (
    select
      extract(epoch from every)::numeric as every,
      greatest(extract(epoch from every)::numeric / 10, 600) as grace,
      extract(epoch from stuck)::numeric as stuck,
      extract(epoch from skew)::numeric as skew
    from given
  ),
  good as (
    select started_at, completed_at, watermark_end
    from etl_control
    where pipeline = $1
      and status = 'success'
    order by started_at desc
    limit 1
  ),
  first_run as (
    select min(started_at) as at
    from etl_control
    where pipeline = $1
  ),
  failed as (
    select
      count(*) as runs,
      (array_agg(coalesce(error_code, 'INTERNAL') || coalesce(': ' || error_message, '') order by started_at desc))[1] as last_error
    from etl_control
    where pipeline = $1
      and status = 'failed'
      and error_code is distinct from 'ABORTED'
      and started_at > coalesce((select started_at from good), '-infinity')
  ),
  running as (
    select
      extract(epoch from now() - started_at)::numeric as age,
      exists (
        select
        from pg_locks l
        join pg_database d on d.oid = l.database
        where d.datname = current_database()
          and l.locktype = 'advisory'
          and l.objsubid = 1
          and l.granted
          and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended('chatwoot-sync run ' || $1, 0)
      ) as is_locked
    from etl_control
    where pipeline = $1
      and status = 'running'
  ),
  full_load as (
    select max(started_at) as at
    from etl_control
    where pipeline = $1
      and status = 'success'
      and load_type = 'full'
  ),
  compared as (
    select max(started_at) as at
    from etl_verification
    where pipeline = $1
      and sample = 1
  ),
  -- What a full load or a whole comparison has come after is no longer told by counts of earlier runs.
  since as (
    select coalesce(greatest(full_load.at, compared.at), '-infinity') as at
    from full_load, compared
  ),
  late as (
    select
      max(margin_used_seconds) as margin,
      coalesce(bool_or(warnings @> '[{"code": "MARGIN_USED_UP"}]'), false) as is_used_up,
      coalesce(bool_or(warnings @> '[{"code": "MARGIN_HALF_USED"}]'), false) as is_half_used
    from etl_control
    where pipeline = $1
      and status = 'success'
      and started_at >= (select at from since)
  ),
  rejected as (
    select count(*) as rows
    from etl_rejects
    where pipeline = $1
  ),
  found as (
    select
      max(rows_missing + rows_stale + rows_extra - rows_repaired) as differences,
      floor(max(rows_compared) / 1000.0) as per_mille
    from etl_verification
    where pipeline = $1
      and started_at >= coalesce((select at from compared), '-infinity')
      and started_at > coalesce((select at from full_load), '-infinity')
  ),
  measured (check_name, forced, value, unit, warning_limit, critical_limit, detail, remedy) as (
    select
      'last-success',
      case when first_run.at is null then 'critical' end,
      extract(epoch from now() - coalesce(good.completed_at, first_run.at))::numeric,
      'seconds',
      limits.every + limits.grace / 2,
      limits.every + limits.grace,
      case when good.completed_at is null then 'never' end,
      'Look at chatwoot-sync status, and whether the schedule still runs.'
    from limits
    cross join first_run
    left join good on true
    union all
    select
      'watermark-lag',
      case when good.watermark_end is null then 'warning' end,
      extract(epoch from now() - good.watermark_end at time zone 'UTC')::numeric,
      'seconds',
      2 * limits.every + limits.grace,
      3 * limits.every + limits.grace,
      null,
      'Run it more often; of a standby, look at how far it is behind.'
    from limits
    left join good on true
    union all
    select
      'running-run',
      case when not running.is_locked then 'warning' end,
      running.age,
      'seconds',
      limits.stuck / 2,
      limits.stuck,
      case when not running.is_locked then 'dead' end,
      case
        when running.is_locked then 'Look at what its connections wait for in pg_stat_activity; stop it if they wait for ever.'
        else 'Run chatwoot-sync sync: it closes that row and goes on.'
      end
    from limits
    left join running on true
    union all
    select
      'failures',
      null,
      failed.runs,
      'runs',
      0,
      2,
      failed.last_error,
      'Look at chatwoot-sync status, and run chatwoot-sync doctor.'
    from failed
    union all
    select
      'rejected-rows',
      null,
      rejected.rows,
      'rows',
      0,
      null,
      null,
      'Look at chatwoot-sync rejects for what the target refused, and mend the column: the next run tries again.'
    from rejected
    union all
    select
      'differences',
      null,
      found.differences,
      'rows',
      0,
      found.per_mille,
      null,
      'Run chatwoot-sync verify --repair, and more often.'
    from found
    union all
    select
      'margin',
      case when late.is_used_up then 'critical' when late.is_half_used then 'warning' else 'ok' end,
      late.margin,
      'seconds',
      limits.skew / 2,
      limits.skew,
      null,
      'Look at the clocks of the hosts of Chatwoot, raise --skew-allowance, and run verify.'
    from limits, late
  )
  select
    check_name,
    coalesce(
      forced,
      case
        when value > critical_limit then 'critical'
        when value > warning_limit then 'warning'
        else 'ok'
      end
    ),
    round(value, 3),
    unit,
    round(warning_limit, 3),
    round(critical_limit, 3),
    detail,
    remedy
  from measured
$$;

comment on function etl_health(text, interval, interval, interval) is
  'Health of one pipeline. What is not given comes from the settings chatwoot_sync.expected_interval (24 hours), .stuck_after (6 hours) and .skew_allowance (60 seconds), as by: alter database analytics set chatwoot_sync.expected_interval = ''1 hour''.';

create view vw_etl_health as
select
  p.pipeline,
  h.check_name,
  h.outcome,
  h.value,
  h.unit,
  h.warning_limit,
  h.critical_limit,
  h.detail,
  h.remedy
from (
  select pipeline
  from etl_control
  group by pipeline
  union all
  select 'conversations'
  where not exists (select from etl_control)
) p
cross join lateral etl_health(p.pipeline) h;

comment on view vw_etl_health is 'Health of every pipeline, one row for each check.';
comment on column vw_etl_health.pipeline is 'Name under which the runs share a state.';
comment on column vw_etl_health.check_name is 'What was looked at.';
comment on column vw_etl_health.outcome is 'ok, warning or critical.';
comment on column vw_etl_health.value is 'What was found; NULL where there is nothing yet.';
comment on column vw_etl_health.unit is 'Unit of the value and of the limits.';
comment on column vw_etl_health.warning_limit is 'Above it the outcome is a warning.';
comment on column vw_etl_health.critical_limit is 'Above it the outcome is critical; NULL where nothing is.';
comment on column vw_etl_health.detail is 'The last error; dead for a run whose lock nobody holds; never where no run has ended well, whose age is that of the first one.';
comment on column vw_etl_health.remedy is 'What to do when it is not ok.';

-- migrate:down
drop view vw_etl_health;
drop function etl_health(text, interval, interval, interval);
