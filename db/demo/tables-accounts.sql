-- The tables of accounts, agents and contacts with the columns of a Chatwoot 4.14. No foreign keys, as there: orphans are possible.
-- Every timestamp is UTC without a time zone; newer tables have timestamp(6), with the same six digits.

create table accounts (
  id serial primary key,
  name varchar not null,
  created_at timestamp not null,
  updated_at timestamp not null,
  locale integer default 0,
  domain varchar(100),
  support_email varchar(100),
  feature_flags bigint not null default 0,
  auto_resolve_duration integer,
  limits jsonb default '{}',
  custom_attributes jsonb default '{}',
  status integer default 0,
  internal_attributes jsonb not null default '{}',
  settings jsonb default '{}'
);

create table users (
  id serial primary key,
  provider varchar not null default 'email',
  uid varchar not null default '',
  encrypted_password varchar not null default '',
  reset_password_token varchar,
  reset_password_sent_at timestamp,
  remember_created_at timestamp,
  sign_in_count integer not null default 0,
  current_sign_in_at timestamp,
  last_sign_in_at timestamp,
  current_sign_in_ip varchar,
  last_sign_in_ip varchar,
  confirmation_token varchar,
  confirmed_at timestamp,
  confirmation_sent_at timestamp,
  unconfirmed_email varchar,
  name varchar not null,
  display_name varchar,
  email varchar,
  tokens json,
  created_at timestamp not null,
  updated_at timestamp not null,
  pubsub_token varchar,
  availability integer default 0,
  ui_settings jsonb default '{}',
  custom_attributes jsonb default '{}',
  type varchar,
  message_signature text,
  otp_secret varchar,
  consumed_timestep integer,
  otp_required_for_login boolean default false,
  otp_backup_codes text
);

create table account_users (
  id bigserial primary key,
  account_id bigint,
  user_id bigint,
  role integer default 0,
  inviter_id bigint,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  active_at timestamp,
  availability integer not null default 0,
  auto_offline boolean not null default true,
  custom_role_id bigint,
  agent_capacity_policy_id bigint
);

create table teams (
  id bigserial primary key,
  name varchar not null,
  description text,
  allow_auto_assign boolean default true,
  account_id bigint not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null
);

create table inboxes (
  id serial primary key,
  channel_id integer not null,
  account_id integer not null,
  name varchar not null,
  created_at timestamp not null,
  updated_at timestamp not null,
  channel_type varchar,
  enable_auto_assignment boolean default true,
  greeting_enabled boolean default false,
  greeting_message varchar,
  email_address varchar,
  working_hours_enabled boolean default false,
  out_of_office_message varchar,
  timezone varchar default 'UTC',
  enable_email_collect boolean default true,
  csat_survey_enabled boolean default false,
  allow_messages_after_resolved boolean default true,
  auto_assignment_config jsonb default '{}',
  lock_to_single_conversation boolean not null default false,
  portal_id bigint,
  sender_name_type integer not null default 0,
  business_name varchar,
  csat_config jsonb not null default '{}'
);

create table contacts (
  id serial primary key,
  name varchar default '',
  email varchar,
  phone_number varchar,
  account_id integer not null,
  created_at timestamp not null,
  updated_at timestamp not null,
  additional_attributes jsonb default '{}',
  identifier varchar,
  custom_attributes jsonb default '{}',
  last_activity_at timestamp,
  contact_type integer default 0,
  middle_name varchar default '',
  last_name varchar default '',
  location varchar default '',
  country_code varchar default '',
  blocked boolean not null default false,
  company_id bigint
);

create table contact_inboxes (
  id bigserial primary key,
  contact_id bigint,
  inbox_id bigint,
  source_id text not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  hmac_verified boolean default false,
  pubsub_token varchar
);

create table labels (
  id bigserial primary key,
  title varchar,
  description text,
  color varchar not null default '#1f93ff',
  show_on_sidebar boolean,
  account_id bigint,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null
);
