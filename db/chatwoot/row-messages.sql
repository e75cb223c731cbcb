-- The messages of a conversation, in order of time.
--
-- content_attributes is JSON that holds its JSON as a string, so that quotes are escaped once, or the object itself. It is not parsed, as
-- what stands in such a string need not be JSON, and one such row would end the run.
cross join lateral (
  select
    -- As text: jsonb that is put together of jsonb costs half as much again.
    json_agg(message.entry) as compiled,
    array_agg(text) filter (where is_spoken) as spoken_texts,
    array_agg(sender_type) filter (where is_spoken) as spoken_senders,
    count(*)::integer as total,
    (count(*) filter (where not private))::integer as public,
    (count(*) filter (where not private and sender_type = 'User'))::integer as by_user,
    (count(*) filter (where not private and sender_type = 'Contact'))::integer as by_contact,
    (count(*) filter (where not private and sender_type in ('AgentBot', 'Captain::Assistant')))::integer as by_bot,
    (count(*) filter (where is_human))::integer as by_human,
    (count(*) filter (where message_type = 0))::integer as incoming,
    (count(*) filter (where message_type = 1))::integer as outgoing,
    (count(*) filter (where message_type = 2))::integer as activity,
    (count(*) filter (where message_type = 3))::integer as templates,
    (count(*) filter (where is_deleted))::integer as deleted,
    (count(*) filter (where status = 3))::integer as failed,
    (count(*) filter (where is_echo))::integer as echoes,
    (count(*) filter (where is_automation))::integer as automatic,
    (count(*) filter (where is_campaign))::integer as of_campaign,
    array_agg(id) as ids,
    array_agg(sender_id) filter (
      where message_type = 1 and not private and sender_type = 'User' and sender_id between 1 and 2147483647
    ) as agents,
    array_agg(content_type) filter (where content_type is not null) as content_types,
    min(content_type) as lowest_content_type,
    max(content_type) as highest_content_type,
    array_agg(created_at) filter (where content_type = 9 and isfinite(created_at)) as surveys_at,
    (array_agg(sender_id) filter (where sender_type = 'Contact'))[1] as client_sender_id,
    -- A letter for each: private, of a user, of a contact, of anybody else. To number them would take one more step for each message.
    string_agg(
      case when private is not false then 'p' when sender_type = 'User' then 'u' when sender_type = 'Contact' then 'c' else 'o' end,
      ''
    ) as turns,
    (min(created_at) filter (where isfinite(created_at)))::timestamp(6) as first_at,
    (max(created_at) filter (where isfinite(created_at)))::timestamp(6) as last_at,
    (min(created_at) filter (where not private and isfinite(created_at)))::timestamp(6) as public_from,
    (max(created_at) filter (where not private and isfinite(created_at)))::timestamp(6) as public_to,
    (count(*) filter (where sender_type = 'User'))::integer as by_any_user,
    (count(*) filter (where sender_type = 'Contact'))::integer as by_any_contact,
    (count(length) filter (where not private))::integer as public_texts,
    sum(length) filter (where not private) as public_length,
    max(length) filter (where not private) as public_longest,
    avg(length) as mean_length,
    max(length) as max_length
  from (
    select
      message.entry,
      id, text, message_type, sender_type, sender_id, private, created_at, status, content_type,
      char_length(content) as length,
      is_deleted, is_echo, is_automation, is_campaign,
      -- What people or bots said: neither what happened (2) nor a template (3).
      not private and message_type not in (2, 3) as is_spoken,
      -- A human answer by the rule of Chatwoot's reports: by an agent, here or in the channel's own app, and neither automation nor campaign.
      message_type = 1
        and not private
        and (sender_type = 'User' or is_echo)
        and not is_automation
        and not is_campaign as is_human
    from (
      select
        *,
        attributes <> ''
          and message_type = 1
          and strpos(attributes, 'automation_rule_id') > 0
          and attributes ~ '^(\{(.*,)?\s*"automation_rule_id"|"\{(.*,)?\s*\\"automation_rule_id\\")\s*:\s*[^n]' as is_automation,
        attributes <> ''
          and strpos(attributes, 'deleted') > 0
          and attributes ~ '^(\{(.*,)?\s*"deleted"|"\{(.*,)?\s*\\"deleted\\")\s*:\s*true' as is_deleted,
        attributes <> ''
          and strpos(attributes, 'external_echo') > 0
          and attributes ~ '^(\{(.*,)?\s*"external_echo"|"\{(.*,)?\s*\\"external_echo\\")\s*:\s*true' as is_echo
      from (
        select
          id, content, entry.text, messages.message_type, sender_type, messages.sender_id, messages.private, created_at, status, content_type,
          entry,
          coalesce(additional_attributes ->> 'campaign_id', '') <> '' as is_campaign,
          -- Most hold nothing. Incoming e-mails keep their whole text in here; what was deleted keeps nothing else.
          case
            when content_attributes is null or pg_column_size(content_attributes) < 16 then ''
            when messages.message_type <> 1 and pg_column_size(content_attributes) > 1000 then ''
            else content_attributes::text
          end as attributes
        from messages
        cross join lateral (
          select
            id as message_id,
            case when :without_message_texts::boolean then null else content end as text,
            sender_type as sender,
            messages.sender_id,
            created_at as sent_at,
            messages.message_type,
            messages.private
        ) entry
        where conversation_id = c.id
      ) message
    ) message
    order by created_at, id
  ) message
) m
