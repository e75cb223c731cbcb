-- A table that the Python pipeline made stays, with its rows: columns that it lacks are added, texts lose their length limits, and the
-- key becomes unique. On a table that is new nothing is left to do.

-- migrate:up
do $$
declare
  wanted record;
begin
  for wanted in
    select
      v.name,
      v.type,
      format_type(a.atttypid, a.atttypmod) as present
    from (
      values
      ('conversation_id', 'integer'),
      ('display_id', 'integer'),
      ('conversation_uuid', 'uuid'),
      ('account_id', 'integer'),
      ('status', 'integer'),
      ('status_label_pt', 'text'),
      ('priority', 'integer'),
      ('priority_label', 'text'),
      ('priority_score', 'integer'),
      ('snoozed_until', 'timestamp(6) without time zone'),
      ('assignee_id', 'integer'),
      ('assignee_name', 'text'),
      ('assignee_email', 'text'),
      ('team_id', 'integer'),
      ('team_name', 'text'),
      ('campaign_id', 'integer'),
      ('contact_id', 'integer'),
      ('contact_name', 'text'),
      ('contact_email', 'text'),
      ('contact_phone', 'text'),
      ('contact_identifier', 'text'),
      ('inbox_id', 'integer'),
      ('inbox_name', 'text'),
      ('inbox_channel_type', 'text'),
      ('inbox_timezone', 'text'),
      ('account_name', 'text'),
      ('labels', 'text[]'),
      ('conversation_created_at', 'timestamp(6) without time zone'),
      ('conversation_updated_at', 'timestamp(6) without time zone'),
      ('last_activity_at', 'timestamp(6) without time zone'),
      ('first_reply_created_at', 'timestamp(6) without time zone'),
      ('waiting_since', 'timestamp(6) without time zone'),
      ('contact_last_seen_at', 'timestamp(6) without time zone'),
      ('agent_last_seen_at', 'timestamp(6) without time zone'),
      ('message_compiled', 'jsonb'),
      ('client_sender_id', 'bigint'),
      ('client_phone', 'text'),
      ('t_messages', 'integer'),
      ('total_messages_public', 'integer'),
      ('total_messages_private', 'integer'),
      ('mc_first_message_at', 'timestamp(6) without time zone'),
      ('mc_last_message_at', 'timestamp(6) without time zone'),
      ('csat_response_id', 'bigint'),
      ('csat_rating', 'integer'),
      ('csat_feedback', 'text'),
      ('csat_created_at', 'timestamp(6) without time zone'),
      ('csat_nps_category', 'text'),
      ('csat_sentiment_category', 'text'),
      ('has_written_feedback', 'boolean'),
      ('has_detailed_feedback', 'boolean'),
      ('has_csat', 'boolean'),
      ('first_response_time_seconds', 'bigint'),
      ('first_response_time_minutes', 'numeric'),
      ('resolution_time_seconds', 'bigint'),
      ('conversation_duration_seconds', 'bigint'),
      ('avg_time_between_messages_seconds', 'numeric'),
      ('is_assigned', 'boolean'),
      ('has_team', 'boolean'),
      ('is_resolved', 'boolean'),
      ('is_open', 'boolean'),
      ('is_pending', 'boolean'),
      ('has_contact', 'boolean'),
      ('is_waiting', 'boolean'),
      ('has_priority', 'boolean'),
      ('is_high_priority', 'boolean'),
      ('is_from_campaign', 'boolean'),
      ('is_fast_response', 'boolean'),
      ('is_slow_response', 'boolean'),
      ('is_fast_resolution', 'boolean'),
      ('contact_has_seen', 'boolean'),
      ('agent_has_seen', 'boolean'),
      ('user_messages_count', 'integer'),
      ('contact_messages_count', 'integer'),
      ('private_notes_count', 'integer'),
      ('first_message_text', 'text'),
      ('last_message_text', 'text'),
      ('first_message_sender_type', 'text'),
      ('last_message_sender_type', 'text'),
      ('avg_message_length', 'numeric'),
      ('max_message_length', 'integer'),
      ('has_user_messages', 'boolean'),
      ('has_contact_messages', 'boolean'),
      ('has_private_notes', 'boolean'),
      ('has_contact_reply', 'boolean'),
      ('is_short_conversation', 'boolean'),
      ('is_long_conversation', 'boolean'),
      ('user_message_ratio', 'numeric'),
      ('contact_message_ratio', 'numeric'),
      ('has_human_intervention', 'boolean'),
      ('is_bot_resolved', 'boolean'),
      ('calendar_timezone', 'text'),
      ('conversation_date', 'date'),
      ('conversation_year', 'integer'),
      ('conversation_month', 'integer'),
      ('conversation_day', 'integer'),
      ('conversation_day_of_week', 'integer'),
      ('conversation_hour', 'integer'),
      ('conversation_minute', 'integer'),
      ('conversation_week_of_year', 'integer'),
      ('conversation_quarter', 'integer'),
      ('conversation_day_name', 'text'),
      ('conversation_month_name', 'text'),
      ('conversation_period', 'text'),
      ('is_weekday', 'boolean'),
      ('is_weekend', 'boolean'),
      ('is_business_hours', 'boolean'),
      ('is_night_time', 'boolean'),
      ('conversation_date_formatted', 'text'),
      ('conversation_datetime_formatted', 'text'),
      ('conversation_year_month', 'text'),
      ('conversation_year_week', 'text'),
      ('deleted_at', 'timestamp with time zone'),
      ('etl_inserted_at', 'timestamp with time zone'),
      ('etl_updated_at', 'timestamp with time zone')
    ) v (name, type)
    left join pg_attribute a
      on a.attrelid = 'conversas_analytics'::regclass
      and a.attname = v.name
      and not a.attisdropped
  loop
    if wanted.present is null then
      execute format('alter table conversas_analytics add column %I %s', wanted.name, wanted.type);
    elsif wanted.present <> wanted.type then
      execute format(
        'alter table conversas_analytics alter column %1$I drop default, alter column %1$I type %2$s using %1$I::%2$s',
        wanted.name,
        wanted.type
      );
    end if;
  end loop;

  -- What this package does not write must not be asked for.
  for wanted in
    select a.attname as name
    from pg_attribute a
    where a.attrelid = 'conversas_analytics'::regclass
      and a.attnum > 0
      and not a.attisdropped
      and a.attnotnull
      and not a.atthasdef
      and a.attidentity = ''
      and a.attname <> 'conversation_id'
  loop
    execute format('alter table conversas_analytics alter column %I drop not null', wanted.name);
  end loop;

  if not exists (
    select
    from pg_index i
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = 'conversas_analytics'::regclass
      and i.indisunique
      and i.indpred is null
      and i.indnkeyatts = 1
      and a.attname = 'conversation_id'
  ) then
    create unique index conversas_analytics_conversation_id_idx on conversas_analytics (conversation_id);
  end if;
end
$$;

update conversas_analytics
set
  etl_inserted_at = coalesce(etl_inserted_at, etl_updated_at, now()),
  etl_updated_at = coalesce(etl_updated_at, etl_inserted_at, now())
where etl_inserted_at is null
   or etl_updated_at is null;

alter table conversas_analytics
  alter column etl_inserted_at set default now(),
  alter column etl_inserted_at set not null,
  alter column etl_updated_at set default now(),
  alter column etl_updated_at set not null;

-- migrate:down
select 'the table goes with the migration that made it';
