-- One row a run, whatever becomes of it: what an operator looks at, and what the next run goes on from.

-- migrate:up
-- The history of the Python pipeline stays, under another name, and is copied into the new table.
do $$
begin
  if to_regclass('etl_control') is not null then
    alter table etl_control rename to etl_control_python;
  end if;
end
$$;

create table etl_control (
  execution_id uuid not null default gen_random_uuid() primary key,
  pipeline text not null default 'conversations',
  status text not null default 'running'
    constraint etl_control_status_known check (status in ('running', 'success', 'failed')),
  load_type text not null
    constraint etl_control_load_type_known check (load_type in ('incremental', 'full')),
  triggered_by text not null default 'manual'
    constraint etl_control_triggered_by_known check (triggered_by in ('manual', 'scheduler', 'api')),
  reason text,
  started_at timestamptz not null default clock_timestamp(),
  completed_at timestamptz,
  duration_seconds numeric(12,3),
  watermark_start timestamp(6),
  watermark_end timestamp(6),
  rows_extracted integer not null default 0,
  rows_inserted integer not null default 0,
  rows_updated integer not null default 0,
  rows_unchanged integer not null default 0,
  rows_deleted integer not null default 0,
  rows_rejected integer not null default 0,
  error_code text,
  error_message text,
  error_traceback text,
  phases jsonb not null default '{}'::jsonb,
  warnings jsonb not null default '[]'::jsonb,
  horizon_mode text
    constraint etl_control_horizon_mode_known check (horizon_mode in ('primary', 'standby')),
  margin_used_seconds numeric(12,6),
  fingerprint text,
  resume_key text,
  state jsonb
);

do $$
declare
  shared text;
begin
  if to_regclass('etl_control_python') is null then
    return;
  end if;
  select string_agg(quote_ident(theirs.attname), ', ')
  into shared
  from pg_attribute theirs
  join pg_attribute ours on ours.attname = theirs.attname
  where theirs.attrelid = 'etl_control_python'::regclass
    and ours.attrelid = 'etl_control'::regclass
    and ours.attnum > 0
    and not theirs.attisdropped
    and ours.attname in (
      'execution_id', 'status', 'load_type', 'triggered_by', 'started_at', 'completed_at', 'duration_seconds', 'watermark_start',
      'watermark_end', 'error_message', 'error_traceback'
    );
  execute format('insert into etl_control (%1$s) select %1$s from etl_control_python', shared);
  update etl_control c
  set
    status = case when c.status = 'success' then 'success' else 'failed' end,
    completed_at = coalesce(c.completed_at, c.started_at),
    error_code = case when c.status <> 'success' then 'INTERRUPTED' end,
    rows_extracted = coalesce(p.rows_extracted, 0),
    rows_inserted = coalesce(p.rows_inserted, 0),
    rows_updated = coalesce(p.rows_updated, 0),
    rows_unchanged = coalesce(p.rows_unchanged, 0)
  from etl_control_python p
  where p.execution_id = c.execution_id;
end
$$;

-- The history need not add up; what is written from now on must.
alter table etl_control
  add constraint etl_control_counts_add_up check (
    rows_extracted = rows_inserted + rows_updated + rows_unchanged + rows_rejected
  ) not valid,
  add constraint etl_control_closed_with_time check ((status = 'running') = (completed_at is null)),
  add constraint etl_control_failed_with_code check ((status = 'failed') = (error_code is not null));

create unique index etl_control_one_running_idx on etl_control (pipeline) where status = 'running';
create index etl_control_newest_idx on etl_control (pipeline, started_at desc);
create index etl_control_started_at_idx on etl_control (started_at desc);

comment on table etl_control is 'One row for each run of chatwoot-sync.';
comment on column etl_control.execution_id is 'Id of the run, as in its report and its log lines.';
comment on column etl_control.pipeline is 'Name under which runs share a state; one source and one table each.';
comment on column etl_control.status is 'running, success or failed.';
comment on column etl_control.load_type is 'incremental reads what changed; full reads everything and marks what is gone.';
comment on column etl_control.triggered_by is 'manual, scheduler or api.';
comment on column etl_control.reason is 'Why an incremental run read everything, or why a full one went on from an earlier one; else NULL.';
comment on column etl_control.started_at is 'Begin of the run.';
comment on column etl_control.completed_at is 'End of the run; NULL while it runs.';
comment on column etl_control.duration_seconds is 'From begin to end.';
comment on column etl_control.watermark_start is 'Changes stamped from here on were read, source clock in UTC; NULL for everything.';
comment on column etl_control.watermark_end is 'Time of the source at which the run looked, UTC: the target equals the source as of then.';
comment on column etl_control.rows_extracted is 'Rows read; always the sum of inserted, updated, unchanged and rejected.';
comment on column etl_control.rows_inserted is 'Rows that were new to the target.';
comment on column etl_control.rows_updated is 'Rows whose content differed, those among them that had been marked deleted.';
comment on column etl_control.rows_unchanged is 'Rows that were equal already and cost no write.';
comment on column etl_control.rows_deleted is 'Rows marked deleted, as the source no longer has them; not part of the sum.';
comment on column etl_control.rows_rejected is 'Rows that the target could not take.';
comment on column etl_control.error_code is 'What went wrong, as listed in the README.';
comment on column etl_control.error_message is 'The same in words, without secrets and personal data.';
comment on column etl_control.error_traceback is 'Where in the program; without secrets and personal data.';
comment on column etl_control.phases is 'Milliseconds spent in each phase.';
comment on column etl_control.warnings is 'What an operator should know though the run did not fail.';
comment on column etl_control.horizon_mode is 'Whether the source was read as a primary or as a standby.';
comment on column etl_control.margin_used_seconds is 'How much of the skew allowance late stamps used up; all of it means that more may have been lost.';
comment on column etl_control.fingerprint is 'What the state holds for: filter, relation, columns, query version, time zone.';
comment on column etl_control.resume_key is 'Last key that a full read has committed.';
comment on column etl_control.state is 'What the next run needs to know of this one; kept in the last good run of a pipeline only.';

-- migrate:down
drop table etl_control;

do $$
begin
  if to_regclass('etl_control_python') is not null then
    alter table etl_control_python rename to etl_control;
  end if;
end
$$;
