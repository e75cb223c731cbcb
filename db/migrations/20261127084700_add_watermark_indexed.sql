-- Changes that no index of Chatwoot leads to are no longer looked for by each run where that scans large tables. So there are two times:
-- through when all changes have arrived, and through when those have that an index leads to.

-- note: Scheduled runs scan large tables of Chatwoot for changes without an index only for 0.2 % of the time, and every 6 hours at least; such changes, as of a contact's name, arrive with the next scan. watermark_end stays the time through which all of them have arrived, watermark_indexed is new. --complete scans in any case, as do runs that somebody starts by hand; --scan-every 0s scans in each run, as before.
-- note: vw_etl_health has the new check scan-lag, about watermark_end; watermark-lag is about watermark_indexed.

-- migrate:up
alter table etl_control add column if not exists watermark_indexed timestamp(6);

comment on column etl_control.watermark_end is 'The target equals the source as of this time of the source, UTC; what a run has left to the next scan does not count.';
comment on column etl_control.watermark_indexed is 'The same but for changes that only a scan of a large table shows: the time at which the run looked, UTC. NULL for runs of earlier releases, which scanned each time.';

create or replace view vw_etl_stats as
select
  execution_id,
  pipeline,
  status,
  load_type,
  triggered_by,
  reason,
  started_at,
  completed_at,
  duration_seconds,
  watermark_start,
  watermark_end,
  rows_extracted,
  rows_inserted,
  rows_updated,
  rows_unchanged,
  rows_deleted,
  rows_rejected,
  round(rows_extracted / nullif(duration_seconds, 0), 1) as rows_per_second,
  error_code,
  error_message,
  warnings,
  coalesce(watermark_indexed, watermark_end) as watermark_indexed
from etl_control
order by started_at desc, execution_id;

comment on column vw_etl_stats.watermark_indexed is 'As watermark_end, but for changes that only a scan of a large table shows.';

do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
begin
  -- A schema that was restored without its list of migrations runs this again.
  if definition like '%scan-lag%' then
    return;
  end if;
  definition := replace(
    definition,
    'select started_at, completed_at, watermark_end, state
',
    'select started_at, completed_at, watermark_end, watermark_indexed, state
'
  );
  definition := replace(
    definition,
    $old$extract(epoch from now() - good.watermark_end at time zone 'UTC')::numeric,$old$,
    $new$extract(epoch from now() - coalesce(good.watermark_indexed, good.watermark_end) at time zone 'UTC')::numeric,$new$
  );
  execute replace(
    definition,
    $old$    union all
    select
      'running-run',$old$,
    $new$    union all
    -- A scan comes with the first run after its time; six hours where the run has not left how often it is to come.
    select
      'scan-lag',
      null,
      extract(epoch from now() - good.watermark_end at time zone 'UTC')::numeric,
      'seconds',
      coalesce((good.state ->> 'scanEvery')::numeric / 1000, 21600) + 2 * limits.every + limits.grace,
      2 * coalesce((good.state ->> 'scanEvery')::numeric / 1000, 21600) + 3 * limits.every + limits.grace,
      null,
      'Run chatwoot-sync sync --complete, and have the indexes created that chatwoot-sync doctor prints.'
    from limits
    left join good on true
    union all
    select
      'running-run',$new$
  );
end
$$;

-- migrate:down
do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
begin
  definition := replace(definition, 'watermark_end, watermark_indexed, state', 'watermark_end, state');
  definition := replace(definition, 'coalesce(good.watermark_indexed, good.watermark_end)', 'good.watermark_end');
  execute regexp_replace(definition, $part$    union all
    -- A scan comes with.*?(?=    union all
    select
      'running-run',)$part$, '');
end
$$;

drop view vw_etl_stats;

alter table etl_control drop column watermark_indexed;

comment on column etl_control.watermark_end is 'Time of the source at which the run looked, UTC: the target equals the source as of then.';

create view vw_etl_stats as
select
  execution_id,
  pipeline,
  status,
  load_type,
  triggered_by,
  reason,
  started_at,
  completed_at,
  duration_seconds,
  watermark_start,
  watermark_end,
  rows_extracted,
  rows_inserted,
  rows_updated,
  rows_unchanged,
  rows_deleted,
  rows_rejected,
  round(rows_extracted / nullif(duration_seconds, 0), 1) as rows_per_second,
  error_code,
  error_message,
  warnings
from etl_control
order by started_at desc, execution_id;

comment on view vw_etl_stats is 'The runs of every pipeline, newest first.';
comment on column vw_etl_stats.rows_per_second is 'Rows read in each second of the run.';
