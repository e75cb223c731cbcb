-- Dashboards of the Python pipeline read vw_conversations_analytics_final, or the table that was loaded from it. This view has its 118 columns
-- with their names, order, types and values, the odd ones too; some columns of the table hold what it needs and no other column tells.

-- note: vw_conversas_analytics_v3 has the columns of the Python pipeline's view with their values. The next run fills what it needs: it reads everything once.

-- migrate:up
alter table conversas_analytics
  add column if not exists empty_texts text[],
  add column if not exists first_public_message_at timestamp(6),
  add column if not exists last_public_message_at timestamp(6),
  add column if not exists messages_by_users_count integer,
  add column if not exists messages_by_contacts_count integer,
  add column if not exists public_texts_count integer,
  add column if not exists public_texts_length bigint,
  add column if not exists longest_public_text integer,
  add column if not exists csat_feedback_length integer;

comment on column conversas_analytics.empty_texts is 'Which of contact_email, contact_phone, contact_identifier, assignee_email and client_phone are empty texts in Chatwoot, where the column is NULL; NULL when none is. Privacy: none.';
comment on column conversas_analytics.first_public_message_at is 'Time of the first message that is not a private note, UTC. Privacy: none.';
comment on column conversas_analytics.last_public_message_at is 'Time of the last message that is not a private note, UTC. Privacy: none.';
comment on column conversas_analytics.messages_by_users_count is 'Messages of agents, private notes among them. Privacy: none.';
comment on column conversas_analytics.messages_by_contacts_count is 'Messages of contacts, private ones among them. Privacy: none.';
comment on column conversas_analytics.public_texts_count is 'Messages with a text that are not private notes; an empty text counts. Privacy: none.';
comment on column conversas_analytics.public_texts_length is 'Sum of the lengths of these texts, characters; NULL without any. Privacy: none.';
comment on column conversas_analytics.longest_public_text is 'Length of the longest of these texts, characters; NULL without any. Privacy: none.';
comment on column conversas_analytics.csat_feedback_length is 'Length of csat_feedback, characters; NULL without a feedback. Privacy: none.';

create view vw_conversas_analytics_v3 as
select
  c.conversation_id,
  c.display_id,
  c.conversation_uuid,
  c.account_id,
  c.status,
  c.priority,
  c.snoozed_until::timestamp as snoozed_until,
  c.assignee_id,
  c.team_id::bigint as team_id,
  c.campaign_id::bigint as campaign_id,
  c.contact_id::bigint as contact_id,
  c.inbox_id,
  c.conversation_created_at::timestamp as conversation_created_at,
  c.conversation_updated_at::timestamp as conversation_updated_at,
  c.last_activity_at::timestamp as last_activity_at,
  c.first_reply_created_at::timestamp as first_reply_created_at,
  c.waiting_since,
  c.contact_last_seen_at::timestamp as contact_last_seen_at,
  c.agent_last_seen_at::timestamp as agent_last_seen_at,
  c.contact_name::varchar as contact_name,
  coalesce(c.contact_email, case when 'contact_email' = any(c.empty_texts) then '' end)::varchar as contact_email,
  coalesce(c.contact_phone, case when 'contact_phone' = any(c.empty_texts) then '' end)::varchar as contact_phone,
  coalesce(c.contact_identifier, case when 'contact_identifier' = any(c.empty_texts) then '' end)::varchar as contact_identifier,
  c.inbox_name::varchar as inbox_name,
  c.inbox_channel_type::varchar as inbox_channel_type,
  c.inbox_timezone::varchar as inbox_timezone,
  c.assignee_name::varchar as assignee_name,
  coalesce(c.assignee_email, case when 'assignee_email' = any(c.empty_texts) then '' end)::varchar as assignee_email,
  c.team_name::varchar as team_name,
  c.account_name::varchar as account_name,
  c.message_compiled,
  c.client_sender_id,
  coalesce(c.client_phone, case when 'client_phone' = any(c.empty_texts) then '' end)::varchar as client_phone,
  nullif(c.t_messages, 0)::bigint as t_messages,
  (case when c.t_messages > 0 then c.total_messages_public end)::bigint as total_messages_public,
  (case when c.t_messages > 0 then c.total_messages_private end)::bigint as total_messages_private,
  c.mc_first_message_at::timestamp as mc_first_message_at,
  c.mc_last_message_at::timestamp as mc_last_message_at,
  c.csat_response_id,
  c.csat_rating,
  c.csat_feedback,
  c.csat_created_at,
  case
    when not c.has_csat then null
    when c.csat_rating >= 5 then 'Promotor'
    when c.csat_rating = 4 then 'Neutro'
    when c.csat_rating between 1 and 3 then 'Detrator'
    else 'Sem Rating'
  end as csat_nps_category,
  case
    when c.csat_rating >= 4 then 'Positivo'
    when c.csat_rating = 3 then 'Neutro'
    when c.csat_rating < 3 then 'Negativo'
  end as csat_sentiment_category,
  case when c.has_csat then coalesce(c.csat_feedback_length > 0, false) end as has_written_feedback,
  c.csat_feedback_length > 50 as has_detailed_feedback,
  c.has_csat,
  case when took.response between -2147483648 and 2147483647 then round(took.response)::integer end as first_response_time_seconds,
  round(took.response / 60, 1) as first_response_time_minutes,
  case when took.resolution between -2147483648 and 2147483647 then round(took.resolution)::integer end as resolution_time_seconds,
  case when took.waiting between -2147483648 and 2147483647 then round(took.waiting)::integer end as waiting_time_seconds,
  c.assignee_id is not null as is_assigned,
  c.team_id is not null as has_team,
  c.status in (1, 4) as is_resolved,
  c.status in (0, 2) as is_open,
  c.status = 2 as is_pending,
  coalesce(c.snoozed_until at time zone clock.zone > now(), false) as is_snoozed,
  c.contact_id is not null as has_contact,
  c.waiting_since is not null as is_waiting,
  coalesce(c.priority > 0, false) as has_priority,
  c.priority >= 3 as is_high_priority,
  c.campaign_id is not null as is_from_campaign,
  took.response < 300 as is_fast_response,
  took.response > 1800 as is_slow_response,
  took.resolution < 7200 as is_fast_resolution,
  coalesce(took.waiting > 3600, false) as is_waiting_long,
  c.contact_last_seen_at is not null as contact_has_seen,
  c.agent_last_seen_at is not null as agent_has_seen,
  coalesce(c.priority, 0) as priority_score,
  case c.priority
    when 1 then 'Low'
    when 2 then 'Medium'
    when 3 then 'High'
    when 4 then 'Urgent'
    else 'None'
  end as priority_label,
  case c.status
    when 0 then 'Aberta'
    when 1 then 'Resolvida'
    when 2 then 'Pendente'
    when 3 then 'Adiada'
    when 4 then 'Fechada'
    else 'Desconhecido'
  end as status_label_pt,
  (case when c.t_messages > 0 then c.user_messages_count end)::bigint as user_messages_count,
  (case when c.t_messages > 0 then c.contact_messages_count end)::bigint as contact_messages_count,
  (case when c.t_messages > 0 then c.private_notes_count end)::bigint as private_notes_count,
  (
    select entry ->> 'text'
    from jsonb_array_elements(c.message_compiled) with ordinality e (entry, place)
    where entry ->> 'private' = 'false'
    order by place
    limit 1
  ) as first_message_text,
  (
    select entry ->> 'text'
    from jsonb_array_elements(c.message_compiled) with ordinality e (entry, place)
    where entry ->> 'private' = 'false'
    order by (entry ->> 'sent_at')::timestamp desc, place
    limit 1
  ) as last_message_text,
  (
    select entry ->> 'sender'
    from jsonb_array_elements(c.message_compiled) with ordinality e (entry, place)
    where entry ->> 'private' = 'false'
    order by place
    limit 1
  )::varchar as first_message_sender_type,
  (
    select entry ->> 'sender'
    from jsonb_array_elements(c.message_compiled) with ordinality e (entry, place)
    where entry ->> 'private' = 'false'
    order by (entry ->> 'sent_at')::timestamp desc, place
    limit 1
  )::varchar as last_message_sender_type,
  case when took.talk between -2147483648 and 2147483647 then round(took.talk)::integer end as conversation_duration_seconds,
  case when c.total_messages_public > 1 then round(took.talk / (c.total_messages_public - 1), 1) end as avg_time_between_messages_seconds,
  round(c.public_texts_length::numeric / nullif(c.public_texts_count, 0))::integer as avg_message_length,
  c.longest_public_text as max_message_length,
  case when c.t_messages > 0 then c.messages_by_users_count > 0 end as has_user_messages,
  case when c.t_messages > 0 then c.messages_by_contacts_count > 0 end as has_contact_messages,
  case when c.t_messages > 0 then c.private_notes_count > 0 end as has_private_notes,
  case when c.t_messages > 0 then c.messages_by_contacts_count > 0 end as has_contact_reply,
  case when c.t_messages > 0 then c.total_messages_public <= 5 end as is_short_conversation,
  case when c.t_messages > 0 then c.total_messages_public > 20 end as is_long_conversation,
  round(c.user_messages_count::numeric / nullif(c.total_messages_public, 0), 2) as user_message_ratio,
  round(c.messages_by_contacts_count::numeric / nullif(c.total_messages_public, 0), 2) as contact_message_ratio,
  case when c.t_messages > 0 then c.user_messages_count > 0 end as has_human_intervention,
  c.status in (1, 4) and case when c.t_messages > 0 then c.user_messages_count = 0 end as is_bot_resolved,
  c.conversation_created_at::date as conversation_date,
  extract(year from c.conversation_created_at)::integer as conversation_year,
  extract(month from c.conversation_created_at)::integer as conversation_month,
  extract(day from c.conversation_created_at)::integer as conversation_day,
  extract(dow from c.conversation_created_at)::integer as conversation_day_of_week,
  extract(hour from c.conversation_created_at)::integer as conversation_hour,
  extract(minute from c.conversation_created_at)::integer as conversation_minute,
  extract(week from c.conversation_created_at)::integer as conversation_week_of_year,
  extract(quarter from c.conversation_created_at)::integer as conversation_quarter,
  names.of_days[extract(dow from c.conversation_created_at)::integer + 1] as conversation_day_name,
  names.of_months[extract(month from c.conversation_created_at)::integer] as conversation_month_name,
  names.of_periods[extract(hour from c.conversation_created_at)::integer / 6 + 1] as conversation_period,
  extract(isodow from c.conversation_created_at) < 6 as is_weekday,
  extract(isodow from c.conversation_created_at) >= 6 as is_weekend,
  extract(isodow from c.conversation_created_at) < 6 and extract(hour from c.conversation_created_at) between 9 and 17 as is_business_hours,
  extract(hour from c.conversation_created_at) >= 20 or extract(hour from c.conversation_created_at) < 6 as is_night_time,
  clock.today - c.conversation_created_at::date as days_since_creation,
  c.conversation_created_at::date = clock.today as is_today,
  c.conversation_created_at::date = clock.today - 1 as is_yesterday,
  c.conversation_created_at at time zone clock.zone >= date_trunc('week', clock.today::timestamp) at time zone clock.zone as is_this_week,
  c.conversation_created_at at time zone clock.zone >= date_trunc('month', clock.today::timestamp) at time zone clock.zone as is_this_month,
  extract(year from c.conversation_created_at) = extract(year from clock.today) as is_this_year,
  to_char(c.conversation_created_at, 'YYYY-MM-DD') as conversation_date_formatted,
  to_char(c.conversation_created_at, 'YYYY-MM-DD HH24:MI') as conversation_datetime_formatted,
  to_char(c.conversation_created_at, 'YYYY-MM') as conversation_year_month,
  to_char(c.conversation_created_at, 'IYYY-IW') as conversation_year_week
from conversas_analytics c
cross join (
  select
    '{Domingo,Segunda,Terça,Quarta,Quinta,Sexta,Sábado}'::text[] as of_days,
    '{Janeiro,Fevereiro,Março,Abril,Maio,Junho,Julho,Agosto,Setembro,Outubro,Novembro,Dezembro}'::text[] as of_months,
    '{Madrugada,Manhã,Tarde,Noite}'::text[] as of_periods
) names
-- The old view took the zone of whoever read it, which was UTC unless somebody had set another.
cross join lateral (
  select coalesce(nullif(current_setting('chatwoot_sync.reading_time_zone', true), ''), 'UTC') as zone
) reading
cross join lateral (select reading.zone, (now() at time zone reading.zone)::date as today) clock
cross join lateral (
  select
    extract(epoch from c.first_reply_created_at - c.conversation_created_at)::numeric as response,
    case when c.status in (1, 4) then extract(epoch from c.conversation_updated_at - c.conversation_created_at)::numeric end as resolution,
    extract(epoch from now() - c.waiting_since at time zone clock.zone)::numeric as waiting,
    extract(epoch from c.last_public_message_at - c.first_public_message_at)::numeric as talk
) took
where c.deleted_at is null;

comment on view vw_conversas_analytics_v3 is 'conversas_analytics with the columns of vw_conversations_analytics_final of the Python pipeline, and the values that it returned. Calendar columns are in UTC, as there; those that depend on the time of reading are in the time zone of chatwoot_sync.reading_time_zone, by default UTC. For new dashboards read vw_conversas_analytics.';
comment on column vw_conversas_analytics_v3.is_open is 'Status 0 or 2: a pending conversation counts as open.';
comment on column vw_conversas_analytics_v3.is_resolved is 'Status 1, or 4, which Chatwoot does not have.';
comment on column vw_conversas_analytics_v3.has_priority is 'Priority 1 to 3: low (0) counts as none.';
comment on column vw_conversas_analytics_v3.is_high_priority is 'Priority 3, which is urgent; NULL without one.';
comment on column vw_conversas_analytics_v3.priority_score is 'The number of Chatwoot, 0 without one: low and none are both 0.';
comment on column vw_conversas_analytics_v3.priority_label is 'One step too low: None for low, Low for medium, Medium for high, High for urgent.';
comment on column vw_conversas_analytics_v3.has_contact is 'contact_id is set, though the contact may be deleted.';
comment on column vw_conversas_analytics_v3.is_snoozed is 'snoozed_until is later than now, whatever the status.';
comment on column vw_conversas_analytics_v3.resolution_time_seconds is 'Of resolved conversations: from the start to the last stamped change, which any later touch moves; rounded.';
comment on column vw_conversas_analytics_v3.is_bot_resolved is 'Resolved without a public message of an agent; no bot need have written. NULL without messages.';
comment on column vw_conversas_analytics_v3.has_user_messages is 'An agent wrote, be it a private note; NULL without messages.';
comment on column vw_conversas_analytics_v3.has_contact_reply is 'The same as has_contact_messages: no answer is asked for.';
comment on column vw_conversas_analytics_v3.contact_message_ratio is 'Messages of contacts, private ones among them, by public messages.';
comment on column vw_conversas_analytics_v3.conversation_duration_seconds is 'From the first to the last public message; rounded.';
comment on column vw_conversas_analytics_v3.first_message_text is 'Text of the first public message, of whatever kind.';
comment on column vw_conversas_analytics_v3.last_message_text is 'Text of the last public message, of whatever kind; of several at one time, the first.';
comment on column vw_conversas_analytics_v3.csat_nps_category is '5 Promotor, 4 Neutro, 1 to 3 Detrator, else Sem Rating; NULL without an answer.';
comment on column vw_conversas_analytics_v3.is_business_hours is 'Monday to Friday, 9:00 to 17:59 in UTC.';
comment on column vw_conversas_analytics_v3.is_this_week is 'Began in this week or later.';
comment on column vw_conversas_analytics_v3.is_this_month is 'Began in this month or later.';

-- migrate:down
drop view vw_conversas_analytics_v3;

alter table conversas_analytics
  drop column empty_texts,
  drop column first_public_message_at,
  drop column last_public_message_at,
  drop column messages_by_users_count,
  drop column messages_by_contacts_count,
  drop column public_texts_count,
  drop column public_texts_length,
  drop column longest_public_text,
  drop column csat_feedback_length;
