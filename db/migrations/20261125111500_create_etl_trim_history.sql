-- A run every five minutes leaves a hundred thousand rows a year: those that nobody needs any more go, and their sums stay.

-- migrate:up
create table etl_trimmed_runs (
  pipeline text not null,
  load_type text not null,
  status text not null,
  runs bigint not null,
  duration_seconds numeric not null,
  rows_inserted bigint not null,
  rows_updated bigint not null,
  rows_unchanged bigint not null,
  rows_rejected bigint not null,
  rows_deleted bigint not null,
  primary key (pipeline, load_type, status)
);

comment on table etl_trimmed_runs is 'Sums of the runs that were trimmed from etl_control, so that totals over all runs never go down.';
comment on column etl_trimmed_runs.pipeline is 'Pipeline of the runs.';
comment on column etl_trimmed_runs.load_type is 'incremental or full.';
comment on column etl_trimmed_runs.status is 'success or failed.';
comment on column etl_trimmed_runs.runs is 'How many were trimmed.';
comment on column etl_trimmed_runs.duration_seconds is 'Sum of their durations.';
comment on column etl_trimmed_runs.rows_inserted is 'Sum of the rows they inserted.';
comment on column etl_trimmed_runs.rows_updated is 'Sum of the rows they updated.';
comment on column etl_trimmed_runs.rows_unchanged is 'Sum of the rows they found equal.';
comment on column etl_trimmed_runs.rows_rejected is 'Sum of the rows that the target could not take.';
comment on column etl_trimmed_runs.rows_deleted is 'Sum of the rows they marked deleted.';

create function etl_trim_history(pipeline_name text, keep interval, portion integer)
returns integer
language plpgsql
as $$
declare
  last_good timestamptz;
  last_full timestamptz;
  last_compared timestamptz;
  trimmed integer;
begin
  -- Asked in each run, so the usual answer has to cost next to nothing.
  if not exists (select from etl_control where pipeline = pipeline_name and started_at < now() - keep) then
    return 0;
  end if;
  select started_at
  into last_good
  from etl_control
  where pipeline = pipeline_name
    and status = 'success'
  order by started_at desc
  limit 1;
  select started_at
  into last_full
  from etl_control
  where pipeline = pipeline_name
    and status = 'success'
    and load_type = 'full'
  order by started_at desc
  limit 1;
  select started_at
  into last_compared
  from etl_verification
  where pipeline = pipeline_name
    and sample = 1
  order by started_at desc
  limit 1;

  with old as (
    select execution_id
    from etl_control c
    where pipeline = pipeline_name
      and status <> 'running'
      and started_at < least(now() - keep, last_good)
      and started_at is distinct from last_full
      -- Health tells these until a full load or a whole comparison has come after them.
      and not (
        started_at >= coalesce(greatest(last_full, last_compared), '-infinity')
        and (rows_rejected > 0 or warnings @> '[{"code": "MARGIN_HALF_USED"}]' or warnings @> '[{"code": "MARGIN_USED_UP"}]')
      )
      -- The newest full read that did not come to its end is what the next one goes on from.
      and (resume_key is null or exists (
        select
        from etl_control later
        where later.pipeline = pipeline_name
          and later.started_at > c.started_at
          and (later.status = 'success' or later.resume_key is not null)
      ))
    order by started_at
    limit portion
  ),
  gone as (
    delete from etl_control
    where execution_id in (select execution_id from old)
    returning *
  ),
  added as (
    insert into etl_trimmed_runs as t (
      pipeline, load_type, status, runs, duration_seconds,
      rows_inserted, rows_updated, rows_unchanged, rows_rejected, rows_deleted
    )
    select
      pipeline,
      load_type,
      status,
      count(*),
      coalesce(sum(duration_seconds), 0),
      sum(rows_inserted),
      sum(rows_updated),
      sum(rows_unchanged),
      sum(rows_rejected),
      sum(rows_deleted)
    from gone
    group by
      pipeline,
      load_type,
      status
    on conflict (pipeline, load_type, status) do update set
      runs = t.runs + excluded.runs,
      duration_seconds = t.duration_seconds + excluded.duration_seconds,
      rows_inserted = t.rows_inserted + excluded.rows_inserted,
      rows_updated = t.rows_updated + excluded.rows_updated,
      rows_unchanged = t.rows_unchanged + excluded.rows_unchanged,
      rows_rejected = t.rows_rejected + excluded.rows_rejected,
      rows_deleted = t.rows_deleted + excluded.rows_deleted
  )
  select count(*)
  into trimmed
  from gone;

  delete from etl_verification
  where verification_id in (
    select verification_id
    from etl_verification
    where pipeline = pipeline_name
      and started_at < now() - keep
      and started_at < (select max(started_at) from etl_verification where pipeline = pipeline_name)
      -- What differed since the last whole comparison is told until a full load or another one has come after it.
      and (started_at < last_compared or started_at < last_full)
      and started_at is distinct from last_compared
    order by started_at
    limit portion
  );

  delete from etl_alerts
  where alert_id in (
    select alert_id
    from etl_alerts
    where pipeline = pipeline_name
      and closed_at < now() - keep
    order by opened_at
    limit portion
  );
  return trimmed;
exception
  -- Keeping too much is no reason to fail; chatwoot-sync doctor tells which right is missing.
  when insufficient_privilege then
    return null;
end
$$;

comment on function etl_trim_history(text, interval, integer) is
  'Deletes what is older than keep of one pipeline: runs, comparisons and closed alerts, at most so many of each at a time. What state, health and views need stays, whatever its age. Gives how many runs were deleted, or NULL where the role may not.';

-- migrate:down
drop function etl_trim_history(text, interval, integer);
drop table etl_trimmed_runs;
