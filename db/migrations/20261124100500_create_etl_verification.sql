-- What each comparison of source and target found, so that health and alerts can tell whether the table can be trusted.

-- migrate:up
create table etl_verification (
  verification_id uuid not null default gen_random_uuid() primary key,
  pipeline text not null default 'conversations',
  started_at timestamptz not null default clock_timestamp(),
  completed_at timestamptz not null,
  duration_seconds numeric(12,3) not null,
  source_time timestamp(6),
  sample double precision not null default 1
    constraint etl_verification_sample_is_share check (sample > 0 and sample <= 1),
  rows_compared integer not null,
  rows_missing integer not null,
  rows_stale integer not null,
  rows_extra integer not null,
  rows_silent integer not null,
  rows_pending integer not null,
  rows_repaired integer not null default 0,
  differing_columns jsonb not null default '{}'::jsonb,
  differing_keys jsonb not null default '[]'::jsonb
);

create index etl_verification_newest_idx on etl_verification (pipeline, started_at desc);

comment on table etl_verification is 'One row for each comparison of source and target by chatwoot-sync verify.';
comment on column etl_verification.verification_id is 'Id of the comparison.';
comment on column etl_verification.pipeline is 'Pipeline whose table was compared.';
comment on column etl_verification.started_at is 'Begin of the comparison.';
comment on column etl_verification.completed_at is 'End of the comparison.';
comment on column etl_verification.duration_seconds is 'From begin to end.';
comment on column etl_verification.source_time is 'Time of the source as of which it was compared, UTC.';
comment on column etl_verification.sample is 'Share of the ranges of keys that were compared.';
comment on column etl_verification.rows_compared is 'Rows of the source that were compared.';
comment on column etl_verification.rows_missing is 'Rows that the target lacks and that the next run would not read.';
comment on column etl_verification.rows_stale is 'Rows whose content differs and that the next run would not read.';
comment on column etl_verification.rows_extra is 'Rows that are gone from the source.';
comment on column etl_verification.rows_silent is 'Of the stale and extra rows, those whose change stamp had not moved: no change column showed it.';
comment on column etl_verification.rows_pending is 'Rows that changed since the last run and that the next one will read; no fault.';
comment on column etl_verification.rows_repaired is 'Rows that were mended.';
comment on column etl_verification.differing_columns is 'How many stale rows differ in each column, of the rows that were looked at one by one.';
comment on column etl_verification.differing_keys is 'The first hundred keys that are missing, stale or extra.';

-- migrate:down
drop table etl_verification;
