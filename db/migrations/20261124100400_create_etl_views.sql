-- What the people of the Python pipeline ask for by name: the runs, newest first, and the last good watermark.

-- migrate:up
-- Those of the Python pipeline have the same names and show less.
drop view if exists vw_etl_stats;
drop function if exists get_last_successful_watermark();

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

create function get_last_successful_watermark(pipeline_name text default 'conversations')
returns timestamp
language sql
stable
as $$
  select watermark_end
  from etl_control
  where pipeline = pipeline_name
    and status = 'success'
  order by started_at desc
  limit 1
$$;

comment on function get_last_successful_watermark(text) is 'Source time of the last good run of a pipeline, UTC; NULL before the first.';

-- migrate:down
drop function get_last_successful_watermark(text);
drop view vw_etl_stats;
