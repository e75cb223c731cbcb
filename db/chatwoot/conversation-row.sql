-- One row a conversation, the columns of conversas_analytics. Each lateral part walks an index by the conversation, so that a few
-- conversations cost the same however long the history is.
--
-- Columns that a release of Chatwoot may lack stand in `absent` as well: where the table has no such column, its unqualified name
-- means the one of `absent`, and is NULL. So the text is the same for every release.
--
-- :time_zone is the caller's time zone for the calendar columns or NULL, :known_time_zones the names that both servers know.
-- :without_message_texts is true where no text that people wrote may be given, else NULL.
select
  c.id as conversation_id,
  c.display_id,
  c.uuid as conversation_uuid,
  c.account_id,
  c.status,
  case
    when c.status between 0 and 3 then ('{Aberta,Resolvida,Pendente,Adiada}'::text[])[c.status + 1]
    else 'Desconhecido (' || c.status || ')'
  end as status_label_pt,
  c.priority,
  case
    when c.priority is null then 'Nenhuma'
    when c.priority between 0 and 3 then ('{Baixa,Média,Alta,Urgente}'::text[])[c.priority + 1]
    else 'Desconhecida (' || c.priority || ')'
  end as priority_label,
  case when c.priority between 0 and 3 then c.priority + 1 else 0 end as priority_score,
  c.snoozed_until,
  c.assignee_id,
  assignee.name::text as assignee_name,
  nullif(assignee.email, '')::text as assignee_email,
  c.team_id,
  team.name::text as team_name,
  c.campaign_id,
  c.contact_id,
  contact.name::text as contact_name,
  nullif(contact.email, '')::text as contact_email,
  nullif(contact.phone_number, '')::text as contact_phone,
  nullif(contact.identifier, '')::text as contact_identifier,
  c.inbox_id,
  inbox.name::text as inbox_name,
  inbox.channel_type::text as inbox_channel_type,
  inbox.timezone::text as inbox_timezone,
  account.name::text as account_name,
  case
    when c.cached_label_list is not null then string_to_array(c.cached_label_list, ', ')
    else array(
      select tags.name::text
      from taggings
      join tags on tags.id = taggings.tag_id
      where taggings.taggable_id = c.id
        and taggings.taggable_type = 'Conversation'
        and taggings.context = 'labels'
      order by tags.name collate "C"
    )
  end as labels,
  c.created_at as conversation_created_at,
  c.updated_at as conversation_updated_at,
  c.last_activity_at,
  c.first_reply_created_at,
  c.waiting_since,
  c.contact_last_seen_at,
  c.agent_last_seen_at,
  m.compiled as message_compiled,
  m.client_sender_id,
  nullif(client.phone_number, '')::text as client_phone,
  m.total as t_messages,
  m.public as total_messages_public,
  m.total - m.public as total_messages_private,
  m.first_at as mc_first_message_at,
  m.last_at as mc_last_message_at,
  csat.id as csat_response_id,
  csat.rating as csat_rating,
  case when :without_message_texts::boolean then null else csat.feedback_message end as csat_feedback,
  case when isfinite(csat.created_at) then csat.created_at end::timestamp(6) as csat_created_at,
  coalesce(mood.nps, 'Sem Rating') as csat_nps_category,
  coalesce(mood.sentiment, 'Sem Rating') as csat_sentiment_category,
  coalesce(csat.feedback_message ~ '\S', false) as has_written_feedback,
  coalesce(char_length(csat.feedback_message) > 50, false) as has_detailed_feedback,
  csat.id is not null as has_csat,
  floor(t.first_response)::bigint as first_response_time_seconds,
  round(t.first_response / 60, 1) as first_response_time_minutes,
  floor(t.resolution)::bigint as resolution_time_seconds,
  floor(extract(epoch from c.last_activity_at - c.created_at))::bigint as conversation_duration_seconds,
  round(extract(epoch from m.last_at - m.first_at)::numeric / nullif(m.total - 1, 0), 1) as avg_time_between_messages_seconds,
  c.assignee_id is not null as is_assigned,
  c.team_id is not null as has_team,
  c.status = 1 as is_resolved,
  c.status = 0 as is_open,
  c.status = 2 as is_pending,
  contact.id is not null as has_contact,
  c.waiting_since is not null as is_waiting,
  c.priority is not null as has_priority,
  coalesce(c.priority in (2, 3), false) as is_high_priority,
  c.campaign_id is not null as is_from_campaign,
  coalesce(t.first_response < 300, false) as is_fast_response,
  coalesce(t.first_response > 1800, false) as is_slow_response,
  coalesce(t.resolution < 7200, false) as is_fast_resolution,
  c.contact_last_seen_at is not null as contact_has_seen,
  c.agent_last_seen_at is not null as agent_has_seen,
  m.by_user as user_messages_count,
  m.by_contact as contact_messages_count,
  m.total - m.public as private_notes_count,
  m.compiled -> m.first_public ->> 'text' as first_message_text,
  m.compiled -> m.last_public ->> 'text' as last_message_text,
  m.compiled -> m.first_public ->> 'sender' as first_message_sender_type,
  m.compiled -> m.last_public ->> 'sender' as last_message_sender_type,
  round(m.mean_length, 1) as avg_message_length,
  m.max_length as max_message_length,
  m.by_user > 0 as has_user_messages,
  m.by_contact > 0 as has_contact_messages,
  m.total > m.public as has_private_notes,
  coalesce(m.last_by_contact > m.first_by_user, false) as has_contact_reply,
  m.public <= 5 as is_short_conversation,
  m.public > 20 as is_long_conversation,
  round(m.by_user::numeric / nullif(m.public, 0), 2) as user_message_ratio,
  round(m.by_contact::numeric / nullif(m.public, 0), 2) as contact_message_ratio,
  m.by_user > 0 as has_human_intervention,
  c.status = 1 and m.by_user = 0 as is_bot_resolved,
  zone.name as calendar_timezone,
  opened.local::date as conversation_date,
  extract(year from opened.local)::integer as conversation_year,
  extract(month from opened.local)::integer as conversation_month,
  extract(day from opened.local)::integer as conversation_day,
  extract(dow from opened.local)::integer as conversation_day_of_week,
  extract(hour from opened.local)::integer as conversation_hour,
  extract(minute from opened.local)::integer as conversation_minute,
  extract(week from opened.local)::integer as conversation_week_of_year,
  extract(quarter from opened.local)::integer as conversation_quarter,
  names.of_days[extract(dow from opened.local)::integer + 1] as conversation_day_name,
  names.of_months[extract(month from opened.local)::integer] as conversation_month_name,
  names.of_periods[extract(hour from opened.local)::integer / 6 + 1] as conversation_period,
  extract(isodow from opened.local) <= 5 as is_weekday,
  extract(isodow from opened.local) > 5 as is_weekend,
  extract(isodow from opened.local) <= 5 and extract(hour from opened.local) between 9 and 17 as is_business_hours,
  extract(hour from opened.local) >= 20 or extract(hour from opened.local) < 6 as is_night_time,
  to_char(opened.local, 'DD/MM/YYYY') as conversation_date_formatted,
  to_char(opened.local, 'DD/MM/YYYY HH24:MI:SS') as conversation_datetime_formatted,
  to_char(opened.local, 'YYYY-MM') as conversation_year_month,
  to_char(opened.local, 'IYYY-IW') as conversation_year_week,
  nullif(
    array_remove(
      array[
        case when contact.email = '' then 'contact_email' end,
        case when contact.phone_number = '' then 'contact_phone' end,
        case when contact.identifier = '' then 'contact_identifier' end,
        case when assignee.email = '' then 'assignee_email' end,
        case when client.phone_number = '' then 'client_phone' end
      ],
      null
    ),
    '{}'
  ) as empty_texts,
  m.public_from as first_public_message_at,
  m.public_to as last_public_message_at,
  m.by_any_user as messages_by_users_count,
  m.by_any_contact as messages_by_contacts_count,
  m.public_texts as public_texts_count,
  m.public_length as public_texts_length,
  m.public_longest as longest_public_text,
  char_length(csat.feedback_message) as csat_feedback_length
from (
  select
    null::uuid as uuid,
    null::integer as priority,
    null::bigint as team_id,
    null::bigint as campaign_id,
    null::timestamp as snoozed_until,
    null::timestamp as contact_last_seen_at,
    null::timestamp as agent_last_seen_at,
    null::timestamp as first_reply_created_at,
    null::timestamp as waiting_since,
    null::text as cached_label_list,
    null::text as timezone,
    null::text as identifier
) absent
cross join (
  select
    '{Domingo,Segunda-feira,Terça-feira,Quarta-feira,Quinta-feira,Sexta-feira,Sábado}'::text[] as of_days,
    '{Janeiro,Fevereiro,Março,Abril,Maio,Junho,Julho,Agosto,Setembro,Outubro,Novembro,Dezembro}'::text[] as of_months,
    '{Madrugada,Manhã,Tarde,Noite}'::text[] as of_periods
) names
cross join lateral (
  select
    id, account_id, inbox_id, display_id, uuid, status, priority, assignee_id, cached_label_list,
    team_id::integer as team_id,
    campaign_id::integer as campaign_id,
    contact_id::integer as contact_id,
    -- An infinite time stands for none: no difference can be taken from it.
    case when isfinite(created_at) then created_at end::timestamp(6) as created_at,
    case when isfinite(updated_at) then updated_at end::timestamp(6) as updated_at,
    case when isfinite(last_activity_at) then last_activity_at end::timestamp(6) as last_activity_at,
    case when isfinite(snoozed_until) then snoozed_until end::timestamp(6) as snoozed_until,
    case when isfinite(first_reply_created_at) then first_reply_created_at end::timestamp(6) as first_reply_created_at,
    case when isfinite(waiting_since) then waiting_since end::timestamp(6) as waiting_since,
    case when isfinite(contact_last_seen_at) then contact_last_seen_at end::timestamp(6) as contact_last_seen_at,
    case when isfinite(agent_last_seen_at) then agent_last_seen_at end::timestamp(6) as agent_last_seen_at
  from conversations
) c
left join users assignee on assignee.id = c.assignee_id
left join teams team on team.id = c.team_id
left join accounts account on account.id = c.account_id
left join lateral (select id, name, channel_type, timezone from inboxes where id = c.inbox_id) inbox on true
left join lateral (select id, name, email, phone_number, identifier from contacts where id = c.contact_id) contact on true
left join lateral (
  -- Several answers are possible: the latest one counts.
  select id, rating, feedback_message, created_at
  from csat_survey_responses
  where conversation_id = c.id
  order by created_at desc, id desc
  limit 1
) csat on true
left join (
  values (1, 'Detrator', 'Negativo'), (2, 'Detrator', 'Negativo'), (3, 'Detrator', 'Neutro'), (4, 'Neutro', 'Positivo'), (5, 'Promotor', 'Positivo')
) mood (rating, nps, sentiment) on mood.rating = csat.rating
cross join lateral (
  select
    jsonb_agg(message.entry) as compiled,
    count(*)::integer as total,
    (count(*) filter (where not private))::integer as public,
    (count(*) filter (where not private and sender_type = 'User'))::integer as by_user,
    (count(*) filter (where not private and sender_type = 'Contact'))::integer as by_contact,
    (array_agg(sender_id) filter (where sender_type = 'Contact'))[1] as client_sender_id,
    min(place) filter (where not private) as first_public,
    max(place) filter (where not private) as last_public,
    min(place) filter (where not private and sender_type = 'User') as first_by_user,
    max(place) filter (where not private and sender_type = 'Contact') as last_by_contact,
    (min(created_at) filter (where isfinite(created_at)))::timestamp(6) as first_at,
    (max(created_at) filter (where isfinite(created_at)))::timestamp(6) as last_at,
    (min(created_at) filter (where not private and isfinite(created_at)))::timestamp(6) as public_from,
    (max(created_at) filter (where not private and isfinite(created_at)))::timestamp(6) as public_to,
    (count(*) filter (where sender_type = 'User'))::integer as by_any_user,
    (count(*) filter (where sender_type = 'Contact'))::integer as by_any_contact,
    (count(content) filter (where not private))::integer as public_texts,
    sum(char_length(content)) filter (where not private) as public_length,
    max(char_length(content)) filter (where not private) as public_longest,
    avg(char_length(content)) as mean_length,
    max(char_length(content)) as max_length
  from (
    select
      jsonb_build_object(
        'message_id', id,
        'text', case when :without_message_texts::boolean then null else content end,
        'sender', sender_type,
        'sender_id', sender_id,
        'sent_at', created_at,
        'message_type', message_type,
        'private', private
      ) as entry,
      (row_number() over (order by created_at, id) - 1)::integer as place,
      content, sender_type, sender_id, private, created_at
    from messages
    where conversation_id = c.id
    order by created_at, id
  ) message
) m
left join lateral (select phone_number from contacts where id = m.client_sender_id) client on true
cross join lateral (
  select
    extract(epoch from c.first_reply_created_at - c.created_at)::numeric as first_response,
    case when c.status = 1 then extract(epoch from c.updated_at - c.created_at)::numeric end as resolution
) t
cross join lateral (
  select coalesce(
    :time_zone::text,
    case when inbox.timezone = any(:known_time_zones::text[]) then inbox.timezone end,
    'UTC'
  )::text as name
) zone
cross join lateral (
  -- At the ends of the calendar a time zone would push the time out of range.
  select
    case
      when c.created_at between timestamp '4712-01-01 BC' and timestamp '294275-12-31'
      then c.created_at at time zone 'UTC' at time zone zone.name
    end as local
) opened
