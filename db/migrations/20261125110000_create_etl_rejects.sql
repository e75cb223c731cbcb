-- Rows that the target could not take: each is tried again by every run, so that none is forgotten while the others go on.

-- migrate:up
create table etl_rejects (
  pipeline text not null,
  row_key text not null,
  execution_id uuid,
  first_rejected_at timestamptz not null default now(),
  last_rejected_at timestamptz not null default now(),
  attempts integer not null default 1
    constraint etl_rejects_attempts_positive check (attempts > 0),
  column_name text,
  sql_state text not null,
  message text not null,
  row_data jsonb,
  primary key (pipeline, row_key)
);

comment on table etl_rejects is 'One row for each row of the source that the target could not take, until it can or the source drops it.';
comment on column etl_rejects.pipeline is 'Pipeline whose table could not take the row.';
comment on column etl_rejects.row_key is 'Key of the row, as the source writes it.';
comment on column etl_rejects.execution_id is 'The last run that tried; NULL when that was verify --repair.';
comment on column etl_rejects.first_rejected_at is 'When the row was refused for the first time.';
comment on column etl_rejects.last_rejected_at is 'When it was refused last.';
comment on column etl_rejects.attempts is 'How many runs have tried.';
comment on column etl_rejects.column_name is 'Column of the target whose value was refused; NULL where the server did not say.';
comment on column etl_rejects.sql_state is 'SQLSTATE with which the target refused it.';
comment on column etl_rejects.message is 'The same in words, without the value.';
comment on column etl_rejects.row_data is 'The row as texts; only where the option keepRejected was set.';

create view vw_etl_reject_reasons as
select
  pipeline,
  sql_state,
  column_name,
  message,
  count(*) as rows_rejected,
  min(first_rejected_at) as first_rejected_at,
  max(last_rejected_at) as last_rejected_at,
  max(attempts) as attempts
from etl_rejects
group by
  pipeline,
  sql_state,
  column_name,
  message;

comment on view vw_etl_reject_reasons is 'Why rows are rejected: one row for each reason and column of each pipeline.';
comment on column vw_etl_reject_reasons.pipeline is 'Pipeline whose table could not take the rows.';
comment on column vw_etl_reject_reasons.sql_state is 'SQLSTATE with which the target refused them.';
comment on column vw_etl_reject_reasons.column_name is 'Column of the target whose values were refused; NULL where the server did not say.';
comment on column vw_etl_reject_reasons.message is 'The same in words.';
comment on column vw_etl_reject_reasons.rows_rejected is 'How many rows are rejected for this reason.';
comment on column vw_etl_reject_reasons.first_rejected_at is 'When the first of them was refused for the first time.';
comment on column vw_etl_reject_reasons.last_rejected_at is 'When the last of them was refused last.';
comment on column vw_etl_reject_reasons.attempts is 'How many runs have tried the row that was tried most.';

alter table etl_verification
  add column rows_rejected integer not null default 0;

comment on column etl_verification.rows_rejected is 'Rows that the target could not take: known as rejected and left out of the comparison, or refused by the repair.';

-- migrate:down
alter table etl_verification
  drop column rows_rejected;

drop view vw_etl_reject_reasons;
drop table etl_rejects;
