-- One row a conversation, the columns of conversas_analytics. Each lateral part walks an index by the conversation, so that a few
-- conversations cost the same however long the history is.
--
-- Columns that a release of Chatwoot may lack stand in `absent` as well: where the table has no such column, its unqualified name
-- means the one of `absent`, and is NULL. So the text is the same for every release. A table that the role may not read, or not whole, is
-- replaced by a selection of what is read, with NULL for the rest; `:reads_table` and `:reads_table__column` say whether it is.
--
-- What begins with `earlier_` is what a table gets whose new columns wait for a migration. What ends with `_json` is a column of jsonb as
-- json, as the aggregate wrote it.
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
  contact.contact_name,
  contact.contact_email,
  contact.contact_phone,
  contact.contact_identifier,
  c.inbox_id,
  inbox.name::text as inbox_name,
  inbox.channel_type::text as inbox_channel_type,
  inbox.timezone::text as inbox_timezone,
  account.name::text as account_name,
  :part_labels as labels,
  c.created_at as conversation_created_at,
  c.updated_at as conversation_updated_at,
  c.last_activity_at,
  c.first_reply_created_at,
  c.waiting_since,
  c.contact_last_seen_at,
  c.agent_last_seen_at,
  m.compiled::jsonb as message_compiled,
  m.client_sender_id,
  nullif(t.client_phone, '')::text as client_phone,
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
  case when c.status = 1 then coalesce(solved.last_resolution, floor(t.resolution)::bigint) end as resolution_time_seconds,
  floor(extract(epoch from c.last_activity_at - c.created_at))::bigint as conversation_duration_seconds,
  round(extract(epoch from m.last_at - m.first_at)::numeric / nullif(m.total - 1, 0), 1) as avg_time_between_messages_seconds,
  c.assignee_id is not null as is_assigned,
  c.team_id is not null as has_team,
  c.status = 1 as is_resolved,
  c.status = 0 as is_open,
  c.status = 2 as is_pending,
  coalesce(contact.has_contact, false) as has_contact,
  c.waiting_since is not null as is_waiting,
  c.priority is not null as has_priority,
  coalesce(c.priority in (2, 3), false) as is_high_priority,
  c.campaign_id is not null as is_from_campaign,
  coalesce(t.first_response < 300, false) as is_fast_response,
  coalesce(t.first_response > 1800, false) as is_slow_response,
  c.status = 1 and coalesce(coalesce(solved.last_resolution, t.resolution) < 7200, false) as is_fast_resolution,
  c.contact_last_seen_at is not null as contact_has_seen,
  c.agent_last_seen_at is not null as agent_has_seen,
  m.by_user as user_messages_count,
  m.by_contact as contact_messages_count,
  m.total - m.public as private_notes_count,
  m.spoken_texts[1] as first_message_text,
  m.spoken_texts[cardinality(m.spoken_texts)] as last_message_text,
  m.spoken_senders[1] as first_message_sender_type,
  m.spoken_senders[cardinality(m.spoken_senders)] as last_message_sender_type,
  round(m.mean_length, 1) as avg_message_length,
  m.max_length as max_message_length,
  m.by_user > 0 as has_user_messages,
  m.by_contact > 0 as has_contact_messages,
  m.total > m.public as has_private_notes,
  coalesce(m.turns like '%u%c%', false) as has_contact_reply,
  m.public <= 5 as is_short_conversation,
  m.public > 20 as is_long_conversation,
  round(m.by_user::numeric / nullif(m.public, 0), 2) as user_message_ratio,
  round(m.by_contact::numeric / nullif(m.public, 0), 2) as contact_message_ratio,
  m.by_human > 0 as has_human_intervention,
  -- Chatwoot writes that a bot resolved since the release in which contacts can be blocked.
  c.status = 1 and case
    when :reads_reporting_events and :reads_contacts__blocked then coalesce(e.bot_resolved_at >= e.resolved_at, false)
    else m.by_bot > 0 and m.by_human = 0
  end as is_bot_resolved,
  t.zone as calendar_timezone,
  t.local::date as conversation_date,
  extract(year from t.local)::integer as conversation_year,
  extract(month from t.local)::integer as conversation_month,
  extract(day from t.local)::integer as conversation_day,
  extract(dow from t.local)::integer as conversation_day_of_week,
  extract(hour from t.local)::integer as conversation_hour,
  extract(minute from t.local)::integer as conversation_minute,
  extract(week from t.local)::integer as conversation_week_of_year,
  extract(quarter from t.local)::integer as conversation_quarter,
  ('{Domingo,Segunda-feira,Terça-feira,Quarta-feira,Quinta-feira,Sexta-feira,Sábado}'::text[])[extract(dow from t.local)::integer + 1] as conversation_day_name,
  ('{Janeiro,Fevereiro,Março,Abril,Maio,Junho,Julho,Agosto,Setembro,Outubro,Novembro,Dezembro}'::text[])[extract(month from t.local)::integer] as conversation_month_name,
  ('{Madrugada,Manhã,Tarde,Noite}'::text[])[extract(hour from t.local)::integer / 6 + 1] as conversation_period,
  extract(isodow from t.local) <= 5 as is_weekday,
  extract(isodow from t.local) > 5 as is_weekend,
  extract(isodow from t.local) <= 5 and extract(hour from t.local) between 9 and 17 as is_business_hours,
  extract(hour from t.local) >= 20 or extract(hour from t.local) < 6 as is_night_time,
  to_char(t.local, 'DD/MM/YYYY') as conversation_date_formatted,
  to_char(t.local, 'DD/MM/YYYY HH24:MI:SS') as conversation_datetime_formatted,
  to_char(t.local, 'YYYY-MM') as conversation_year_month,
  to_char(t.local, 'IYYY-IW') as conversation_year_week,
  nullif(
    coalesce(contact.empty_texts, '{}') || array_remove(
      array[
        case when assignee.email = '' then 'assignee_email' end,
        case when t.client_phone = '' then 'client_phone' end
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
  char_length(csat.feedback_message) as csat_feedback_length,
  e.list::jsonb as reporting_events,
  e.first_resolved_at,
  e.resolved_at,
  e.resolutions as resolutions_count,
  -- Chatwoot writes conversation_opened since release 4.5.
  case
    when e.openings > 0 then e.reopenings
    when e.resolutions > 1 then (select greatest(count(distinct ended_at) - 1, 0) from unnest(e.resolution_ends) as ended_at)::integer
    when :reads_reporting_events then 0
  end as reopened_count,
  case when :reads_contacts__blocked then e.bot_resolutions end as bot_resolutions_count,
  e.first_response[2] as chatwoot_first_response_seconds,
  e.first_response[3] as chatwoot_first_response_business_seconds,
  solved.first_resolution as chatwoot_first_resolution_seconds,
  solved.first_resolution_business as chatwoot_first_resolution_business_seconds,
  solved.last_resolution as chatwoot_resolution_seconds,
  solved.last_resolution_business as chatwoot_resolution_business_seconds,
  e.replies as reply_time_count,
  e.mean_reply as reply_time_avg_seconds,
  e.mean_reply_business as reply_time_avg_business_seconds,
  e.handoff_at as bot_handoff_at,
  e.handoffs > 0 as has_bot_handoff,
  case when c.status = 1 then case when solved.last_resolution is null then 'stamp' else 'event' end end as resolution_source,
  m.incoming as incoming_messages_count,
  m.outgoing as outgoing_messages_count,
  m.activity as activity_messages_count,
  m.templates as template_messages_count,
  files.total as attachments_count,
  files.types as attachment_types,
  case when :reads_messages__content_attributes then m.deleted end as deleted_messages_count,
  case when :reads_messages__status then m.failed end as failed_messages_count,
  case when :reads_messages__content_attributes then m.echoes end as external_echo_count,
  case when :reads_messages__content_attributes then m.automatic end as automation_messages_count,
  case when :reads_messages__additional_attributes then m.of_campaign end as campaign_messages_count,
  case
    when not :reads_messages__content_type then null
    -- Most conversations have a single one, or none.
    when m.highest_content_type is null then '{}'
    when m.lowest_content_type = m.highest_content_type
    then jsonb_build_object(m.lowest_content_type, cardinality(m.content_types))
    else (
      select coalesce(json_object_agg(kinds.type, kinds.messages)::jsonb, '{}')
      from (
        select
          sent.type,
          count(*) as messages
        from unnest(m.content_types) as sent (type)
        group by sent.type
      ) kinds
    )
  end as content_types,
  c.status = 1 and m.by_human = 1 as is_one_touch,
  case when :reads_messages__content_type then coalesce(m.surveys_at, '{}')::timestamp(6)[] end as csat_sent_at,
  case
    when csat.id is null then '[]'
    else (
      select json_agg(entry order by entry.created_at, entry.id)::jsonb
      from (
        select id, rating, created_at, assigned_agent_id, message_id
        from csat_survey_responses
        where conversation_id = c.id
      ) entry
    )
  end as csat_responses,
  csat.assigned_agent_id::bigint as csat_assigned_agent_id,
  case when csat.assigned_agent_id is not null then (select name::text from users where id = csat.assigned_agent_id) end as csat_assigned_agent_name,
  c.custom_attributes,
  c.additional_attributes,
  nullif(c.additional_attributes ->> 'referer', '') as referer,
  nullif(c.additional_attributes -> 'browser' ->> 'browser_name', '') as browser_name,
  nullif(c.additional_attributes -> 'browser' ->> 'platform_name', '') as platform_name,
  nullif(c.additional_attributes ->> 'browser_language', '') as browser_language,
  contact.contact_custom_attributes,
  contact.contact_city,
  contact.contact_country,
  contact.contact_country_code,
  contact.contact_company,
  contact.contact_blocked,
  contact.contact_type,
  c.sla_policy_id,
  case when c.sla_policy_id is not null then (select name::text from sla_policies where id = c.sla_policy_id) end as sla_policy_name,
  sla.sla_status::integer as sla_status,
  case when isfinite(sla.created_at) then sla.created_at end::timestamp(6) as sla_applied_at,
  case
    when :reads_sla_events then array(
      select coalesce(('{frt,nrt,rt}'::text[])[missed.event_type + 1], missed.event_type::text)
      from (
        select distinct event_type
        from sla_events
        where conversation_id = c.id
          and event_type is not null
      ) missed
      order by missed.event_type
    )
  end as sla_missed_types,
  case when :reads_applied_slas then coalesce(sla.sla_status in (2, 3), false) end as is_sla_missed,
  case
    when :reads_conversation_participants then array(
      select distinct user_id::integer
      from conversation_participants
      where conversation_id = c.id
        and user_id between 1 and 2147483647
      order by user_id::integer
    )
  end as participant_ids,
  c.assignee_agent_bot_id,
  case when c.assignee_agent_bot_id is not null then (select name::text from agent_bots where id = c.assignee_agent_bot_id) end as bot_name,
  case when c.campaign_id is not null then (select title::text from campaigns where id = c.campaign_id) end as campaign_title,
  case
    when :reads_users__display_name then coalesce(nullif(btrim(assignee.display_name), ''), assignee.name)::text
  end as assignee_display_name,
  agents.ids as agent_ids,
  agents.names as agents,
  :chatwoot_url::text || '/app/accounts/' || c.account_id || '/conversations/' || c.display_id as conversation_url,
  inbox.has_bot as inbox_has_bot,
  m.compiled as message_compiled_json,
  e.list as reporting_events_json,
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
  end as earlier_labels,
  floor(t.resolution)::bigint as earlier_resolution_time_seconds,
  coalesce(t.resolution < 7200, false) as earlier_is_fast_resolution,
  m.compiled::jsonb -> (char_length(m.turns) - char_length(ltrim(m.turns, 'p'))) ->> 'text' as earlier_first_message_text,
  m.compiled::jsonb -> (nullif(char_length(rtrim(m.turns, 'p')), 0) - 1) ->> 'text' as earlier_last_message_text,
  m.compiled::jsonb -> (char_length(m.turns) - char_length(ltrim(m.turns, 'p'))) ->> 'sender' as earlier_first_message_sender_type,
  m.compiled::jsonb -> (nullif(char_length(rtrim(m.turns, 'p')), 0) - 1) ->> 'sender' as earlier_last_message_sender_type,
  m.by_user > 0 as earlier_has_human_intervention,
  c.status = 1 and m.by_user = 0 as earlier_is_bot_resolved
from (
  :part_absent
) absent
cross join lateral (
  :part_conversation
) c
left join users assignee on assignee.id = c.assignee_id
left join teams team on team.id = c.team_id
left join accounts account on account.id = c.account_id
left join lateral (
  select id, name, channel_type, timezone, :part_bots as has_bot
  from inboxes
  where id = c.inbox_id
) inbox on true
left join lateral (
  :part_contact
) contact on true
left join lateral (
  -- Several answers are possible: the latest one counts.
  select id, rating, feedback_message, created_at, assigned_agent_id
  from csat_survey_responses
  where conversation_id = c.id
  order by created_at desc, id desc
  limit 1
) csat on true
left join (
  values (1, 'Detrator', 'Negativo'), (2, 'Detrator', 'Negativo'), (3, 'Detrator', 'Neutro'), (4, 'Neutro', 'Positivo'), (5, 'Promotor', 'Positivo')
) mood (rating, nps, sentiment) on mood.rating = csat.rating
:part_messages
:part_events
:part_others
cross join lateral (
  select
    zone.name as zone,
    extract(epoch from c.first_reply_created_at - c.created_at)::numeric as first_response,
    case when c.status = 1 then extract(epoch from c.updated_at - c.created_at)::numeric end as resolution,
    -- At the ends of the calendar a time zone would push the time out of range.
    case
      when c.created_at between timestamp '4712-01-01 BC' and timestamp '294275-12-31'
      then c.created_at at time zone 'UTC' at time zone zone.name
    end as local,
    -- The one who wrote first is nearly always the contact, whose row is not looked up a second time.
    case
      when m.client_sender_id = c.contact_id
      then coalesce(contact.contact_phone, case when 'contact_phone' = any(contact.empty_texts) then '' end)
      else (select phone_number from contacts where id = m.client_sender_id)
    end as client_phone
  from (
    select coalesce(
      :time_zone::text,
      case when account.settings ->> 'reporting_timezone' = any(:known_time_zones::text[]) then account.settings ->> 'reporting_timezone' end,
      case when inbox.timezone = any(:known_time_zones::text[]) then inbox.timezone end,
      'UTC'
    )::text as name
    offset 0
  ) zone
  offset 0
) t
