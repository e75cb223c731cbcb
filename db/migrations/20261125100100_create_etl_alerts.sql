-- One row for each incident that people were told of, so that each is told once, and once more when it is over.

-- migrate:up
create table etl_alerts (
  alert_id uuid not null default gen_random_uuid() primary key,
  pipeline text not null default 'conversations',
  kind text not null
    constraint etl_alerts_kind_known check (
      kind in ('failure', 'staleness', 'stuck-run', 'rejected-rows', 'differences', 'margin')
    ),
  severity text not null
    constraint etl_alerts_severity_known check (severity in ('warning', 'critical')),
  message text not null,
  opened_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  opened_told jsonb not null default '{}'::jsonb,
  closed_told jsonb not null default '{}'::jsonb,
  last_refusal text
);

create unique index etl_alerts_one_open_idx on etl_alerts (pipeline, kind) where closed_at is null;
create index etl_alerts_newest_idx on etl_alerts (pipeline, opened_at desc);

comment on table etl_alerts is 'One row for each incident that chatwoot-sync told people of.';
comment on column etl_alerts.alert_id is 'Id of the incident, as in its messages.';
comment on column etl_alerts.pipeline is 'Pipeline that it is about.';
comment on column etl_alerts.kind is 'What happened: one incident of a kind is open at a time.';
comment on column etl_alerts.severity is 'warning or critical, as it was when it was found.';
comment on column etl_alerts.message is 'What was found, in the language of the messages; without secrets and personal data.';
comment on column etl_alerts.opened_at is 'When it was found.';
comment on column etl_alerts.closed_at is 'When it was found to be over; NULL while it lasts.';
comment on column etl_alerts.opened_told is 'When each channel took the message of its begin.';
comment on column etl_alerts.closed_told is 'When each channel took the message of its end.';
comment on column etl_alerts.last_refusal is 'Why a channel did not take a message, at the last try; NULL once all have.';

-- migrate:down
drop table etl_alerts;
