-- The tables of conversations and what belongs to them. The widths of references differ from those of the keys, as in Chatwoot.

create table conversations (
  id serial primary key,
  account_id integer not null,
  inbox_id integer not null,
  status integer not null default 0,
  assignee_id integer,
  created_at timestamp not null,
  updated_at timestamp not null,
  contact_id bigint,
  display_id integer not null,
  contact_last_seen_at timestamp,
  agent_last_seen_at timestamp,
  additional_attributes jsonb default '{}',
  contact_inbox_id bigint,
  uuid uuid not null default gen_random_uuid(),
  identifier varchar,
  last_activity_at timestamp not null default current_timestamp,
  team_id bigint,
  campaign_id bigint,
  snoozed_until timestamp,
  custom_attributes jsonb default '{}',
  assignee_last_seen_at timestamp,
  first_reply_created_at timestamp,
  priority integer,
  sla_policy_id bigint,
  waiting_since timestamp(6),
  cached_label_list text,
  assignee_agent_bot_id bigint
);

-- content_attributes is json, not jsonb: it accepts escapes such as \u0000 that jsonb rejects.
create table messages (
  id serial primary key,
  content text,
  account_id integer not null,
  inbox_id integer not null,
  conversation_id integer not null,
  message_type integer not null,
  created_at timestamp not null,
  updated_at timestamp not null,
  private boolean not null default false,
  status integer default 0,
  source_id text,
  content_type integer not null default 0,
  content_attributes json default '{}',
  sender_type varchar,
  sender_id bigint,
  external_source_ids jsonb default '{}',
  additional_attributes jsonb default '{}',
  processed_message_content text,
  sentiment jsonb default '{}'
);

create table csat_survey_responses (
  id bigserial primary key,
  account_id bigint not null,
  conversation_id bigint not null,
  message_id bigint not null,
  rating integer not null,
  feedback_message text,
  contact_id bigint not null,
  assigned_agent_id bigint,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  csat_review_notes text,
  review_notes_updated_at timestamp(6),
  review_notes_updated_by_id bigint
);

create table tags (
  id serial primary key,
  name varchar,
  taggings_count integer default 0
);

create table taggings (
  id serial primary key,
  tag_id integer,
  taggable_type varchar,
  taggable_id integer,
  tagger_type varchar,
  tagger_id integer,
  context varchar(128),
  created_at timestamp
);

create table campaigns (
  id bigserial primary key,
  display_id integer not null,
  title varchar not null,
  description text,
  message text not null,
  sender_id integer,
  enabled boolean default true,
  account_id bigint not null,
  inbox_id bigint not null,
  trigger_rules jsonb default '{}',
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  campaign_type integer not null default 0,
  campaign_status integer not null default 0,
  audience jsonb default '[]',
  scheduled_at timestamp,
  trigger_only_during_business_hours boolean default false,
  template_params jsonb
);

create table reporting_events (
  id bigserial primary key,
  name varchar,
  value double precision,
  account_id integer,
  inbox_id integer,
  user_id integer,
  conversation_id integer,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  value_in_business_hours double precision,
  event_start_time timestamp,
  event_end_time timestamp
);

-- The number that people see: per account, from the account's sequence; it cannot be chosen.
create function create_display_id_sequences() returns trigger
language plpgsql
as $$
begin
  execute format('create sequence if not exists %I', 'conv_dpid_seq_' || new.id);
  execute format('create sequence if not exists %I', 'camp_dpid_seq_' || new.id);
  return null;
end
$$;

create function set_display_id() returns trigger
language plpgsql
as $$
begin
  new.display_id := nextval(format('%I', tg_argv[0] || new.account_id)::regclass);
  return new;
end
$$;

create trigger accounts_after_insert_row_tr
after insert on accounts
for each row execute function create_display_id_sequences();

create trigger conversations_before_insert_row_tr
before insert on conversations
for each row execute function set_display_id('conv_dpid_seq_');

create trigger campaigns_before_insert_row_tr
before insert on campaigns
for each row execute function set_display_id('camp_dpid_seq_');
