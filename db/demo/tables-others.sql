-- The tables of what else belongs to a conversation: attachments, participants, bots, companies and, of the Enterprise edition, service
-- levels and Captain. Some of them hold secrets, which no run reads.

create table attachments (
  id serial primary key,
  file_type integer default 0,
  external_url varchar,
  coordinates_lat double precision default 0.0,
  coordinates_long double precision default 0.0,
  message_id integer not null,
  account_id integer not null,
  created_at timestamp not null,
  updated_at timestamp not null,
  fallback_title varchar,
  extension varchar,
  meta jsonb default '{}'
);

create table conversation_participants (
  id bigserial primary key,
  account_id bigint not null,
  user_id bigint not null,
  conversation_id bigint not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null
);

create table agent_bots (
  id bigserial primary key,
  name varchar,
  description varchar,
  outgoing_url varchar,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  account_id bigint,
  bot_type integer default 0,
  bot_config jsonb default '{}',
  secret varchar
);

create table agent_bot_inboxes (
  id bigserial primary key,
  inbox_id integer,
  agent_bot_id integer,
  status integer default 0,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  account_id integer
);

create table integrations_hooks (
  id bigserial primary key,
  status integer default 1,
  inbox_id integer,
  account_id integer,
  app_id varchar,
  hook_type integer default 0,
  reference_id varchar,
  access_token varchar,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  settings jsonb default '{}'
);

create table captain_inboxes (
  id bigserial primary key,
  captain_assistant_id bigint not null,
  inbox_id bigint not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null
);

create table companies (
  id bigserial primary key,
  name varchar not null,
  domain varchar,
  description text,
  account_id bigint not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  contacts_count integer
);

create table sla_policies (
  id bigserial primary key,
  name varchar not null,
  first_response_time_threshold double precision,
  next_response_time_threshold double precision,
  only_during_business_hours boolean default false,
  account_id bigint not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  description varchar,
  resolution_time_threshold double precision
);

create table applied_slas (
  id bigserial primary key,
  account_id bigint not null,
  sla_policy_id bigint not null,
  conversation_id bigint not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  sla_status integer default 0
);

create table sla_events (
  id bigserial primary key,
  applied_sla_id bigint not null,
  conversation_id bigint not null,
  account_id bigint not null,
  sla_policy_id bigint not null,
  inbox_id bigint not null,
  event_type integer,
  meta jsonb default '{}',
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null
);
