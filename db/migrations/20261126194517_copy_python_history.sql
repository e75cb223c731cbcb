-- Every run of the Python pipeline becomes a row of etl_control, whatever its values are; etl_control_python keeps them as they were.

-- migrate:up
-- The history need not add up; what is written from now on must.
alter table etl_control
  drop constraint etl_control_counts_add_up;

do $$
begin
  if to_regclass('etl_control_python_aside') is null then
    return;
  end if;
  alter table etl_control_python_aside rename to etl_control_python;

  -- Read as JSON, because histories differ in their columns too.
  insert into etl_control (
    execution_id,
    status,
    load_type,
    triggered_by,
    started_at,
    completed_at,
    duration_seconds,
    watermark_start,
    watermark_end,
    rows_extracted,
    rows_inserted,
    rows_updated,
    rows_unchanged,
    error_code,
    error_message,
    error_traceback
  )
  select
    case
      when row_number() over (partition by v.id order by v.started_at) > 1 then gen_random_uuid()
      else coalesce(v.id, gen_random_uuid())
    end,
    case when v.status = 'success' then 'success' else 'failed' end,
    case when v.run ->> 'load_type' = 'full' then 'full' else 'incremental' end,
    case
      when v.run ->> 'triggered_by' ~* 'systemd|timer|cron|schedul' then 'scheduler'
      when v.run ->> 'triggered_by' ~* 'api' then 'api'
      else 'manual'
    end,
    coalesce(v.started_at, v.completed_at, 'epoch'),
    coalesce(v.completed_at, v.started_at, 'epoch'),
    case when abs(v.duration) < 1e9 then v.duration end,
    v.watermark_start,
    v.watermark_end,
    v.extracted,
    v.inserted,
    v.updated,
    v.unchanged,
    case when v.status is distinct from 'success' then 'INTERRUPTED' end,
    coalesce(
      v.run ->> 'error_message',
      case when v.status not in ('success', 'failed', 'running') then 'Its status was ' || v.status || '.' end
    ),
    v.run ->> 'error_traceback'
  from (
    select
      run,
      lower(btrim(run ->> 'status')) as status,
      case when run ->> 'execution_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (run ->> 'execution_id')::uuid end as id,
      case when isfinite((run ->> 'started_at')::timestamptz) then (run ->> 'started_at')::timestamptz end as started_at,
      case when isfinite((run ->> 'completed_at')::timestamptz) then (run ->> 'completed_at')::timestamptz end as completed_at,
      case when run ->> 'duration_seconds' ~ '^-?[0-9]' then (run ->> 'duration_seconds')::numeric end as duration,
      case when isfinite((run ->> 'watermark_start')::timestamp) then (run ->> 'watermark_start')::timestamp end as watermark_start,
      case when isfinite((run ->> 'watermark_end')::timestamp) then (run ->> 'watermark_end')::timestamp end as watermark_end,
      case when run ->> 'rows_extracted' ~ '^[0-9]' then least((run ->> 'rows_extracted')::numeric, 2147483647) else 0 end::integer as extracted,
      case when run ->> 'rows_inserted' ~ '^[0-9]' then least((run ->> 'rows_inserted')::numeric, 2147483647) else 0 end::integer as inserted,
      case when run ->> 'rows_updated' ~ '^[0-9]' then least((run ->> 'rows_updated')::numeric, 2147483647) else 0 end::integer as updated,
      case when run ->> 'rows_unchanged' ~ '^[0-9]' then least((run ->> 'rows_unchanged')::numeric, 2147483647) else 0 end::integer as unchanged
    from (select to_jsonb(p) as run from etl_control_python p) runs
  ) v;
end
$$;

-- A run of the Python pipeline that found nothing new may have no watermark; it is that from which it started.
do $$
begin
  if to_regclass('etl_control_python') is null then
    return;
  end if;
  update etl_control c
  set watermark_end = known.watermark
  from (
    select
      later.execution_id,
      coalesce(
        later.watermark_start,
        (
          select earlier.watermark_end
          from etl_control earlier
          where earlier.status = 'success'
            and earlier.fingerprint is null
            and earlier.pipeline = 'conversations'
            and earlier.watermark_end is not null
            and earlier.started_at < later.started_at
          order by earlier.started_at desc
          limit 1
        )
      ) as watermark
    from etl_control later
    where later.status = 'success'
      and later.fingerprint is null
      and later.pipeline = 'conversations'
      and later.watermark_end is null
  ) known
  where c.execution_id = known.execution_id
    and known.watermark is not null;
end
$$;

alter table etl_control
  add constraint etl_control_counts_add_up check (
    rows_extracted = rows_inserted + rows_updated + rows_unchanged + rows_rejected
  ) not valid;

-- migrate:down
do $$
begin
  if to_regclass('etl_control_python') is not null then
    delete from etl_control
    where execution_id::text in (select lower(to_jsonb(p) ->> 'execution_id') from etl_control_python p);
    alter table etl_control_python rename to etl_control_python_aside;
  end if;
end
$$;
