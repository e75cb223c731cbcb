-- What Chatwoot's own reports are made of, and what else a conversation has: columns that every SQL client explains. No default and no
-- index, so that a filled table is not rewritten. The first run after it reads everything once.

-- note: conversas_analytics has new columns, which the next run fills: it reads everything once, and continues where it stopped if it is interrupted.
-- note: resolution_time_seconds and is_fast_resolution now end at the resolution and not at the last stamped change; is_bot_resolved and has_human_intervention follow the rules of Chatwoot's reports; first_ and last_message_ columns leave out lines about what happened and templates. The comment of each column has the formula of the old value.
-- note: labels come from taggings, as in Chatwoot's reports.
-- note: Where runs exclude, hash or mask columns or leave message texts out, these new columns stay empty until they are named, in --exclude-column, --hash-column or --mask-column or, to load them, in --include-column: csat_assigned_agent_name, custom_attributes, additional_attributes, referer, browser_name, platform_name, browser_language, contact_custom_attributes, contact_city, contact_country, contact_country_code, contact_company, contact_blocked, contact_type, assignee_display_name, agents.
-- note: Some new columns need more rights in Chatwoot's database and stay NULL without them; doctor prints the grants.

-- migrate:up
alter table conversas_analytics
  add column if not exists reporting_events jsonb,
  add column if not exists first_resolved_at timestamp(6),
  add column if not exists resolved_at timestamp(6),
  add column if not exists resolutions_count integer,
  add column if not exists reopened_count integer,
  add column if not exists bot_resolutions_count integer,
  add column if not exists chatwoot_first_response_seconds bigint,
  add column if not exists chatwoot_first_response_business_seconds bigint,
  add column if not exists chatwoot_first_resolution_seconds bigint,
  add column if not exists chatwoot_first_resolution_business_seconds bigint,
  add column if not exists chatwoot_resolution_seconds bigint,
  add column if not exists chatwoot_resolution_business_seconds bigint,
  add column if not exists reply_time_count integer,
  add column if not exists reply_time_avg_seconds numeric,
  add column if not exists reply_time_avg_business_seconds numeric,
  add column if not exists bot_handoff_at timestamp(6),
  add column if not exists has_bot_handoff boolean,
  add column if not exists resolution_source text,
  add column if not exists incoming_messages_count integer,
  add column if not exists outgoing_messages_count integer,
  add column if not exists activity_messages_count integer,
  add column if not exists template_messages_count integer,
  add column if not exists attachments_count integer,
  add column if not exists attachment_types integer[],
  add column if not exists deleted_messages_count integer,
  add column if not exists failed_messages_count integer,
  add column if not exists external_echo_count integer,
  add column if not exists automation_messages_count integer,
  add column if not exists campaign_messages_count integer,
  add column if not exists content_types jsonb,
  add column if not exists is_one_touch boolean,
  add column if not exists csat_sent_at timestamp(6)[],
  add column if not exists csat_responses jsonb,
  add column if not exists csat_assigned_agent_id bigint,
  add column if not exists csat_assigned_agent_name text,
  add column if not exists custom_attributes jsonb,
  add column if not exists additional_attributes jsonb,
  add column if not exists referer text,
  add column if not exists browser_name text,
  add column if not exists platform_name text,
  add column if not exists browser_language text,
  add column if not exists contact_custom_attributes jsonb,
  add column if not exists contact_city text,
  add column if not exists contact_country text,
  add column if not exists contact_country_code text,
  add column if not exists contact_company text,
  add column if not exists contact_blocked boolean,
  add column if not exists contact_type smallint,
  add column if not exists sla_policy_id bigint,
  add column if not exists sla_policy_name text,
  add column if not exists sla_status integer,
  add column if not exists sla_applied_at timestamp(6),
  add column if not exists sla_missed_types text[],
  add column if not exists is_sla_missed boolean,
  add column if not exists participant_ids integer[],
  add column if not exists assignee_agent_bot_id bigint,
  add column if not exists bot_name text,
  add column if not exists campaign_title text,
  add column if not exists assignee_display_name text,
  add column if not exists agent_ids integer[],
  add column if not exists agents text[],
  add column if not exists conversation_url text,
  add column if not exists inbox_has_bot boolean;

comment on column conversas_analytics.reporting_events is 'What Chatwoot''s reports are made of: its reporting_events of the conversation, objects of id, name, value, value_in_business_hours, event_start_time, event_end_time, created_at, user_id, inbox_id in order of created_at and id; seconds, UTC. A row that stands twice counts twice. [] when there is none, NULL when the table cannot be read. Since Chatwoot 2.3; business hours and event times since 2.4. Privacy: work of agents.';
comment on column conversas_analytics.first_resolved_at is 'First time it was resolved, UTC: the earliest event_end_time of its events conversation_resolved. Since Chatwoot 2.3. Privacy: none.';
comment on column conversas_analytics.resolved_at is 'Last time it was resolved, UTC, be it open again or not: the latest event_end_time of its events conversation_resolved. Since Chatwoot 2.3. Privacy: none.';
comment on column conversas_analytics.resolutions_count is 'How often it was resolved, as Chatwoot counts: its events conversation_resolved, repeated ones too. Since Chatwoot 2.3. Privacy: none.';
comment on column conversas_analytics.reopened_count is 'How often it was opened again after a resolution: its events conversation_opened with a value above 0; where it has no conversation_opened, which Chatwoot writes since 4.5, the number of times resolved less one. Since Chatwoot 2.3. Privacy: none.';
comment on column conversas_analytics.bot_resolutions_count is 'How often a bot resolved it, as Chatwoot counts: its events conversation_bot_resolved. Since Chatwoot 3.7, else NULL. Privacy: none.';
comment on column conversas_analytics.chatwoot_first_response_seconds is 'First response time as Chatwoot''s reports have it, whole seconds: the value of its event first_response, from the start, the reopening or the handoff to the first human answer. Since Chatwoot 2.3. Privacy: none.';
comment on column conversas_analytics.chatwoot_first_response_business_seconds is 'The same in the business hours of the inbox; 0 where it has none. Since Chatwoot 2.4. Privacy: none.';
comment on column conversas_analytics.chatwoot_first_resolution_seconds is 'From the start to the first resolution, whole seconds: the value of its first event conversation_resolved. Since Chatwoot 2.3. Privacy: none.';
comment on column conversas_analytics.chatwoot_first_resolution_business_seconds is 'The same in the business hours of the inbox; 0 where it has none. Since Chatwoot 2.4. Privacy: none.';
comment on column conversas_analytics.chatwoot_resolution_seconds is 'From the start to the last resolution, whole seconds, be it open again or not: the value of its last event conversation_resolved. Since Chatwoot 2.3. Privacy: none.';
comment on column conversas_analytics.chatwoot_resolution_business_seconds is 'The same in the business hours of the inbox; 0 where it has none. Since Chatwoot 2.4. Privacy: none.';
comment on column conversas_analytics.reply_time_count is 'Human answers after the first, to a customer who waited: its events reply_time. Since Chatwoot 3.0, else 0 or NULL. Privacy: none.';
comment on column conversas_analytics.reply_time_avg_seconds is 'Mean time that the customer waited for them, seconds: the mean value of its events reply_time. Since Chatwoot 3.0. Privacy: none.';
comment on column conversas_analytics.reply_time_avg_business_seconds is 'The same in the business hours of the inbox; 0 where it has none. Since Chatwoot 3.0. Privacy: none.';
comment on column conversas_analytics.bot_handoff_at is 'When a bot handed it over to agents, UTC: the event_end_time of its event conversation_bot_handoff. Since Chatwoot 2.15. Privacy: none.';
comment on column conversas_analytics.has_bot_handoff is 'A bot handed it over to agents. Since Chatwoot 2.15. Privacy: none.';
comment on column conversas_analytics.resolution_source is 'Of resolved conversations, what resolution_time_seconds is made of: event, the last event conversation_resolved; stamp, the last stamped change, as there is no such event. Privacy: none.';
comment on column conversas_analytics.incoming_messages_count is 'Messages of message_type 0, as Chatwoot''s reports count them, private ones too. Privacy: none.';
comment on column conversas_analytics.outgoing_messages_count is 'Messages of message_type 1, as Chatwoot''s reports count them: private notes, bots, campaigns, automation, failed and deleted ones too. Privacy: none.';
comment on column conversas_analytics.activity_messages_count is 'Messages of message_type 2: lines about what happened. Privacy: none.';
comment on column conversas_analytics.template_messages_count is 'Messages of message_type 3: templates, such as the greeting and the survey. Privacy: none.';
comment on column conversas_analytics.attachments_count is 'Attachments of its messages. NULL when the table attachments cannot be read. Privacy: none.';
comment on column conversas_analytics.attachment_types is 'Kinds of these attachments, distinct and in order: attachments.file_type, 0 image, 1 audio, 2 video, 3 file, others as Chatwoot numbers them. Privacy: none.';
comment on column conversas_analytics.deleted_messages_count is 'Messages that were deleted: Chatwoot keeps them with another text and content_attributes.deleted. Privacy: none.';
comment on column conversas_analytics.failed_messages_count is 'Messages that were not delivered: messages.status 3. Privacy: none.';
comment on column conversas_analytics.external_echo_count is 'Messages that an agent sent in the channel''s own app: content_attributes.external_echo. Since Chatwoot 4.11, else 0. Privacy: none.';
comment on column conversas_analytics.automation_messages_count is 'Outgoing messages that an automation rule sent: content_attributes.automation_rule_id; deleted ones lose it. Privacy: none.';
comment on column conversas_analytics.campaign_messages_count is 'Messages that a campaign sent: additional_attributes.campaign_id. Since Chatwoot 2.5, else 0. Privacy: none.';
comment on column conversas_analytics.content_types is 'Messages by content_type, an object of number and count: 0 text, 9 survey, others as Chatwoot numbers them. Privacy: none.';
comment on column conversas_analytics.is_one_touch is 'Resolved with a single human answer: outgoing and public, by an agent, here or in the channel''s own app, and neither automation nor campaign. Privacy: none.';
comment on column conversas_analytics.csat_sent_at is 'When the satisfaction survey was sent, UTC: created_at of the messages of content_type 9, in order. Privacy: none.';
comment on column conversas_analytics.csat_responses is 'All answers to the survey: objects of id, rating, created_at, assigned_agent_id, message_id in order of created_at and id; UTC. Privacy: work of agents.';
comment on column conversas_analytics.csat_assigned_agent_id is 'Agent who is rated by the latest answer; NULL once the agent is gone. Privacy: work of agents.';
comment on column conversas_analytics.csat_assigned_agent_name is 'Name of that agent. Privacy: personal.';
comment on column conversas_analytics.custom_attributes is 'Custom attributes of the conversation. It may hold anything that users of Chatwoot put there. Since Chatwoot 1.22. Privacy: free, may hold personal data.';
comment on column conversas_analytics.additional_attributes is 'What the channel told about the conversation. It may hold anything. Privacy: free, may hold personal data.';
comment on column conversas_analytics.referer is 'Page from which the customer wrote, of the web widget: additional_attributes.referer; its address may hold tokens. Privacy: personal.';
comment on column conversas_analytics.browser_name is 'Browser of the customer, of the web widget: additional_attributes.browser.browser_name. Privacy: personal.';
comment on column conversas_analytics.platform_name is 'Operating system of the customer, of the web widget: additional_attributes.browser.platform_name. Privacy: personal.';
comment on column conversas_analytics.browser_language is 'Language of the customer''s browser, of the web widget: additional_attributes.browser_language. Privacy: personal.';
comment on column conversas_analytics.contact_custom_attributes is 'Custom attributes of the customer. It may hold anything that users of Chatwoot put there. Privacy: free, may hold personal data.';
comment on column conversas_analytics.contact_city is 'City of the customer: contacts.additional_attributes.city, else contacts.location. Privacy: personal.';
comment on column conversas_analytics.contact_country is 'Country of the customer: contacts.additional_attributes.country, else contacts.country_code, which holds a name. Privacy: personal.';
comment on column conversas_analytics.contact_country_code is 'Code of that country: contacts.additional_attributes.country_code. Privacy: personal.';
comment on column conversas_analytics.contact_company is 'Company of the customer: companies.name (Enterprise, since Chatwoot 4.7), else contacts.additional_attributes.company_name. Privacy: personal.';
comment on column conversas_analytics.contact_blocked is 'The customer is blocked. Since Chatwoot 3.7. Privacy: personal.';
comment on column conversas_analytics.contact_type is '0 visitor, 1 lead, 2 customer. Since Chatwoot 3.6. Privacy: personal.';
comment on column conversas_analytics.sla_policy_id is 'Policy of service levels (Enterprise). Since Chatwoot 3.0. Privacy: none.';
comment on column conversas_analytics.sla_policy_name is 'Name of that policy. NULL when the table sla_policies cannot be read. Privacy: none.';
comment on column conversas_analytics.sla_status is 'Of the latest policy that was applied: 0 active, 1 hit, 2 missed, 3 active with misses; applied_slas.sla_status. Since Chatwoot 3.6. Privacy: none.';
comment on column conversas_analytics.sla_applied_at is 'When it was applied, UTC: applied_slas.created_at. Privacy: none.';
comment on column conversas_analytics.sla_missed_types is 'What was missed, distinct and in order: frt first response, nrt next response, rt resolution; a number for another sla_events.event_type. Since Chatwoot 3.8. Privacy: none.';
comment on column conversas_analytics.is_sla_missed is 'sla_status 2 or 3, which Chatwoot''s report counts as missed. Privacy: none.';
comment on column conversas_analytics.participant_ids is 'Agents who take part, in order: conversation_participants.user_id. Removing one leaves no trace. Since Chatwoot 2.14. Privacy: work of agents.';
comment on column conversas_analytics.assignee_agent_bot_id is 'Bot to which it is assigned. Since Chatwoot 4.8. Privacy: none.';
comment on column conversas_analytics.bot_name is 'Name of that bot: agent_bots.name. Privacy: none.';
comment on column conversas_analytics.campaign_title is 'Title of the campaign that began it: campaigns.title. Privacy: none.';
comment on column conversas_analytics.assignee_display_name is 'Name under which the agent to whom it is assigned appears: users.display_name, else users.name. Privacy: personal.';
comment on column conversas_analytics.agent_ids is 'Agents who sent public messages, in order of their first one. Privacy: work of agents.';
comment on column conversas_analytics.agents is 'Names of these agents, in the same order; NULL for one who is gone. Privacy: personal.';
comment on column conversas_analytics.conversation_url is 'Address of the conversation in Chatwoot: the option chatwootUrl and /app/accounts/account_id/conversations/display_id; NULL without the option. Privacy: none.';
comment on column conversas_analytics.inbox_has_bot is 'Its inbox has an active bot now, as Chatwoot''s bot report asks: agent_bot_inboxes.status 0, integrations_hooks of dialogflow with status 1, or captain_inboxes. NULL when these tables cannot be read. Privacy: none.';

-- New columns at the end, so that what reads the view stays as it is.
create or replace view vw_conversas_analytics as
select
  c.conversation_id,
  c.display_id,
  c.conversation_uuid,
  c.account_id,
  c.status,
  c.status_label_pt,
  c.priority,
  c.priority_label,
  c.priority_score,
  c.snoozed_until,
  c.assignee_id,
  c.assignee_name,
  c.assignee_email,
  c.team_id,
  c.team_name,
  c.campaign_id,
  c.contact_id,
  c.contact_name,
  c.contact_email,
  c.contact_phone,
  c.contact_identifier,
  c.inbox_id,
  c.inbox_name,
  c.inbox_channel_type,
  c.inbox_timezone,
  c.account_name,
  c.labels,
  c.conversation_created_at,
  c.conversation_updated_at,
  c.last_activity_at,
  c.first_reply_created_at,
  c.waiting_since,
  c.contact_last_seen_at,
  c.agent_last_seen_at,
  c.message_compiled,
  c.client_sender_id,
  c.client_phone,
  c.t_messages,
  c.total_messages_public,
  c.total_messages_private,
  c.mc_first_message_at,
  c.mc_last_message_at,
  c.csat_response_id,
  c.csat_rating,
  c.csat_feedback,
  c.csat_created_at,
  c.csat_nps_category,
  c.csat_sentiment_category,
  c.has_written_feedback,
  c.has_detailed_feedback,
  c.has_csat,
  c.first_response_time_seconds,
  c.first_response_time_minutes,
  c.resolution_time_seconds,
  floor(extract(epoch from clock.utc - c.waiting_since))::bigint as waiting_time_seconds,
  c.conversation_duration_seconds,
  c.avg_time_between_messages_seconds,
  c.is_assigned,
  c.has_team,
  c.is_resolved,
  c.is_open,
  c.is_pending,
  coalesce(c.status = 3 and (c.snoozed_until is null or c.snoozed_until > clock.utc), false) as is_snoozed,
  c.has_contact,
  c.is_waiting,
  c.has_priority,
  c.is_high_priority,
  c.is_from_campaign,
  c.is_fast_response,
  c.is_slow_response,
  c.is_fast_resolution,
  coalesce(clock.utc - c.waiting_since > interval '3600 seconds', false) as is_waiting_long,
  c.contact_has_seen,
  c.agent_has_seen,
  c.user_messages_count,
  c.contact_messages_count,
  c.private_notes_count,
  c.first_message_text,
  c.last_message_text,
  c.first_message_sender_type,
  c.last_message_sender_type,
  c.avg_message_length,
  c.max_message_length,
  c.has_user_messages,
  c.has_contact_messages,
  c.has_private_notes,
  c.has_contact_reply,
  c.is_short_conversation,
  c.is_long_conversation,
  c.user_message_ratio,
  c.contact_message_ratio,
  c.has_human_intervention,
  c.is_bot_resolved,
  c.calendar_timezone,
  c.conversation_date,
  c.conversation_year,
  c.conversation_month,
  c.conversation_day,
  c.conversation_day_of_week,
  c.conversation_hour,
  c.conversation_minute,
  c.conversation_week_of_year,
  c.conversation_quarter,
  c.conversation_day_name,
  c.conversation_month_name,
  c.conversation_period,
  c.is_weekday,
  c.is_weekend,
  c.is_business_hours,
  c.is_night_time,
  c.conversation_date_formatted,
  c.conversation_datetime_formatted,
  c.conversation_year_month,
  c.conversation_year_week,
  (today.local - c.conversation_date)::integer as days_since_creation,
  (c.conversation_date = today.local) as is_today,
  (c.conversation_date = today.local - 1) as is_yesterday,
  (date_trunc('week', c.conversation_date::timestamp) = date_trunc('week', today.local::timestamp)) as is_this_week,
  (date_trunc('month', c.conversation_date::timestamp) = date_trunc('month', today.local::timestamp)) as is_this_month,
  (date_trunc('year', c.conversation_date::timestamp) = date_trunc('year', today.local::timestamp)) as is_this_year,
  c.etl_inserted_at,
  c.etl_updated_at,
  c.reporting_events,
  c.first_resolved_at,
  c.resolved_at,
  c.resolutions_count,
  c.reopened_count,
  c.bot_resolutions_count,
  c.chatwoot_first_response_seconds,
  c.chatwoot_first_response_business_seconds,
  c.chatwoot_first_resolution_seconds,
  c.chatwoot_first_resolution_business_seconds,
  c.chatwoot_resolution_seconds,
  c.chatwoot_resolution_business_seconds,
  c.reply_time_count,
  c.reply_time_avg_seconds,
  c.reply_time_avg_business_seconds,
  c.bot_handoff_at,
  c.has_bot_handoff,
  c.resolution_source,
  c.incoming_messages_count,
  c.outgoing_messages_count,
  c.activity_messages_count,
  c.template_messages_count,
  c.attachments_count,
  c.attachment_types,
  c.deleted_messages_count,
  c.failed_messages_count,
  c.external_echo_count,
  c.automation_messages_count,
  c.campaign_messages_count,
  c.content_types,
  c.is_one_touch,
  c.csat_sent_at,
  c.csat_responses,
  c.csat_assigned_agent_id,
  c.csat_assigned_agent_name,
  c.custom_attributes,
  c.additional_attributes,
  c.referer,
  c.browser_name,
  c.platform_name,
  c.browser_language,
  c.contact_custom_attributes,
  c.contact_city,
  c.contact_country,
  c.contact_country_code,
  c.contact_company,
  c.contact_blocked,
  c.contact_type,
  c.sla_policy_id,
  c.sla_policy_name,
  c.sla_status,
  c.sla_applied_at,
  c.sla_missed_types,
  c.is_sla_missed,
  c.participant_ids,
  c.assignee_agent_bot_id,
  c.bot_name,
  c.campaign_title,
  c.assignee_display_name,
  c.agent_ids,
  c.agents,
  c.conversation_url,
  c.inbox_has_bot
from conversas_analytics c
cross join lateral (select now() at time zone 'UTC' as utc) clock
cross join lateral (select (now() at time zone coalesce(c.calendar_timezone, 'UTC'))::date as local) today
where c.deleted_at is null;

-- migrate:down
-- What reads the view goes first.
drop view vw_conversas_analytics;

alter table conversas_analytics
  drop column reporting_events,
  drop column first_resolved_at,
  drop column resolved_at,
  drop column resolutions_count,
  drop column reopened_count,
  drop column bot_resolutions_count,
  drop column chatwoot_first_response_seconds,
  drop column chatwoot_first_response_business_seconds,
  drop column chatwoot_first_resolution_seconds,
  drop column chatwoot_first_resolution_business_seconds,
  drop column chatwoot_resolution_seconds,
  drop column chatwoot_resolution_business_seconds,
  drop column reply_time_count,
  drop column reply_time_avg_seconds,
  drop column reply_time_avg_business_seconds,
  drop column bot_handoff_at,
  drop column has_bot_handoff,
  drop column resolution_source,
  drop column incoming_messages_count,
  drop column outgoing_messages_count,
  drop column activity_messages_count,
  drop column template_messages_count,
  drop column attachments_count,
  drop column attachment_types,
  drop column deleted_messages_count,
  drop column failed_messages_count,
  drop column external_echo_count,
  drop column automation_messages_count,
  drop column campaign_messages_count,
  drop column content_types,
  drop column is_one_touch,
  drop column csat_sent_at,
  drop column csat_responses,
  drop column csat_assigned_agent_id,
  drop column csat_assigned_agent_name,
  drop column custom_attributes,
  drop column additional_attributes,
  drop column referer,
  drop column browser_name,
  drop column platform_name,
  drop column browser_language,
  drop column contact_custom_attributes,
  drop column contact_city,
  drop column contact_country,
  drop column contact_country_code,
  drop column contact_company,
  drop column contact_blocked,
  drop column contact_type,
  drop column sla_policy_id,
  drop column sla_policy_name,
  drop column sla_status,
  drop column sla_applied_at,
  drop column sla_missed_types,
  drop column is_sla_missed,
  drop column participant_ids,
  drop column assignee_agent_bot_id,
  drop column bot_name,
  drop column campaign_title,
  drop column assignee_display_name,
  drop column agent_ids,
  drop column agents,
  drop column conversation_url,
  drop column inbox_has_bot;

create view vw_conversas_analytics as
select
  c.conversation_id,
  c.display_id,
  c.conversation_uuid,
  c.account_id,
  c.status,
  c.status_label_pt,
  c.priority,
  c.priority_label,
  c.priority_score,
  c.snoozed_until,
  c.assignee_id,
  c.assignee_name,
  c.assignee_email,
  c.team_id,
  c.team_name,
  c.campaign_id,
  c.contact_id,
  c.contact_name,
  c.contact_email,
  c.contact_phone,
  c.contact_identifier,
  c.inbox_id,
  c.inbox_name,
  c.inbox_channel_type,
  c.inbox_timezone,
  c.account_name,
  c.labels,
  c.conversation_created_at,
  c.conversation_updated_at,
  c.last_activity_at,
  c.first_reply_created_at,
  c.waiting_since,
  c.contact_last_seen_at,
  c.agent_last_seen_at,
  c.message_compiled,
  c.client_sender_id,
  c.client_phone,
  c.t_messages,
  c.total_messages_public,
  c.total_messages_private,
  c.mc_first_message_at,
  c.mc_last_message_at,
  c.csat_response_id,
  c.csat_rating,
  c.csat_feedback,
  c.csat_created_at,
  c.csat_nps_category,
  c.csat_sentiment_category,
  c.has_written_feedback,
  c.has_detailed_feedback,
  c.has_csat,
  c.first_response_time_seconds,
  c.first_response_time_minutes,
  c.resolution_time_seconds,
  floor(extract(epoch from clock.utc - c.waiting_since))::bigint as waiting_time_seconds,
  c.conversation_duration_seconds,
  c.avg_time_between_messages_seconds,
  c.is_assigned,
  c.has_team,
  c.is_resolved,
  c.is_open,
  c.is_pending,
  coalesce(c.status = 3 and (c.snoozed_until is null or c.snoozed_until > clock.utc), false) as is_snoozed,
  c.has_contact,
  c.is_waiting,
  c.has_priority,
  c.is_high_priority,
  c.is_from_campaign,
  c.is_fast_response,
  c.is_slow_response,
  c.is_fast_resolution,
  coalesce(clock.utc - c.waiting_since > interval '3600 seconds', false) as is_waiting_long,
  c.contact_has_seen,
  c.agent_has_seen,
  c.user_messages_count,
  c.contact_messages_count,
  c.private_notes_count,
  c.first_message_text,
  c.last_message_text,
  c.first_message_sender_type,
  c.last_message_sender_type,
  c.avg_message_length,
  c.max_message_length,
  c.has_user_messages,
  c.has_contact_messages,
  c.has_private_notes,
  c.has_contact_reply,
  c.is_short_conversation,
  c.is_long_conversation,
  c.user_message_ratio,
  c.contact_message_ratio,
  c.has_human_intervention,
  c.is_bot_resolved,
  c.calendar_timezone,
  c.conversation_date,
  c.conversation_year,
  c.conversation_month,
  c.conversation_day,
  c.conversation_day_of_week,
  c.conversation_hour,
  c.conversation_minute,
  c.conversation_week_of_year,
  c.conversation_quarter,
  c.conversation_day_name,
  c.conversation_month_name,
  c.conversation_period,
  c.is_weekday,
  c.is_weekend,
  c.is_business_hours,
  c.is_night_time,
  c.conversation_date_formatted,
  c.conversation_datetime_formatted,
  c.conversation_year_month,
  c.conversation_year_week,
  (today.local - c.conversation_date)::integer as days_since_creation,
  (c.conversation_date = today.local) as is_today,
  (c.conversation_date = today.local - 1) as is_yesterday,
  (date_trunc('week', c.conversation_date::timestamp) = date_trunc('week', today.local::timestamp)) as is_this_week,
  (date_trunc('month', c.conversation_date::timestamp) = date_trunc('month', today.local::timestamp)) as is_this_month,
  (date_trunc('year', c.conversation_date::timestamp) = date_trunc('year', today.local::timestamp)) as is_this_year,
  c.etl_inserted_at,
  c.etl_updated_at
from conversas_analytics c
cross join lateral (select now() at time zone 'UTC' as utc) clock
cross join lateral (select (now() at time zone coalesce(c.calendar_timezone, 'UTC'))::date as local) today
where c.deleted_at is null;

comment on view vw_conversas_analytics is 'conversas_analytics for analysts: without deleted conversations, with the columns that depend on the time of reading; dates in calendar_timezone.';
comment on column vw_conversas_analytics.waiting_time_seconds is 'How long the customer has been waiting, whole seconds, at the time of reading.';
comment on column vw_conversas_analytics.is_snoozed is 'Status 3 and the snooze has not ended, at the time of reading.';
comment on column vw_conversas_analytics.is_waiting_long is 'The customer has been waiting for over 3600 seconds, at the time of reading.';
comment on column vw_conversas_analytics.days_since_creation is 'Days since the begin, at the time of reading.';
comment on column vw_conversas_analytics.is_today is 'Began today.';
comment on column vw_conversas_analytics.is_yesterday is 'Began yesterday.';
comment on column vw_conversas_analytics.is_this_week is 'Began in this ISO week.';
comment on column vw_conversas_analytics.is_this_month is 'Began in this month.';
comment on column vw_conversas_analytics.is_this_year is 'Began in this year.';
