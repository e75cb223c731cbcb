-- The conversations of 540 days. After every forty an id is skipped, as deleted ones leave gaps; demo_conversation keeps what
-- the messages need to know.

create temporary table demo_conversation as
select
  *,
  -- A bot's conversations belong to nobody.
  case when not bot and pg_temp.dice('assigned', id, 100) < 80 then agent_id end as assignee_id,
  -- Recent ones cannot have lasted longer than the time since.
  least(pace * greatest(messages - 1, 0), age) as span,
  created_at + pg_temp.micros(least(pace * greatest(messages - 1, 0), age)) as last_activity_at,
  status = 1 and messages > 3 and pg_temp.dice('survey', id, 100) < 40 as surveyed
from (
  select
    *,
    current_setting('demo.now')::timestamp - pg_temp.micros(age) as created_at,
    pg_temp.favour('agent', id, agents) as agent_id,
    pg_temp.pick('status', id, case
      when age > 2592000000000 then array[0, 1, 1, 1, 1, 1, 1, 1, 2, 3]
      else array[0, 0, 0, 1, 1, 1, 1, 2, 3, 3]
    end) as status,
    -- Mostly around the average, some far longer, some without any message.
    case
      when average = 0 or pg_temp.dice('length', id, 100) < 3 then 0
      when pg_temp.dice('length', id, 100) < 93 then 1 + pg_temp.dice('messages', id, average * 7 / 4 - 1)
      else average * 3
    end as messages
  from (
    select
      number + (number - 1) / 40 as id,
      1 + pg_temp.dice('contact of', number, ceil(total * 0.7)::integer) as contact_id,
      slot * (total - number) + pg_temp.dice('age', number, slot) as age,
      pg_temp.dice('subject', number, 6) as subject,
      pg_temp.dice('bot', number, 100) < 15 as bot,
      1000000 * pg_temp.pick('pace', number, array[15, 40, 90, 300, 1800]) + pg_temp.dice('pace', number, 9999999) as pace,
      average
    from (
      select
        current_setting('demo.conversations')::integer as total,
        current_setting('demo.messages')::integer as average,
        46656000000000 / greatest(current_setting('demo.conversations')::integer, 1) as slot
    ) as setting
    cross join generate_series(1, total) as number
  ) as begun
  join (select id as contact_id, account_id from contacts) as contact using (contact_id)
  join (select contact_id, id as contact_inbox_id, inbox_id from contact_inboxes) as home using (contact_id)
  join demo_account using (account_id)
) as placed;

alter table demo_conversation add primary key (id);
analyze demo_conversation;

insert into conversations (
  id, account_id, inbox_id, status, assignee_id, created_at, updated_at, contact_id, contact_last_seen_at,
  agent_last_seen_at, contact_inbox_id, uuid, last_activity_at, team_id, campaign_id, snoozed_until, custom_attributes,
  assignee_last_seen_at, first_reply_created_at, priority, waiting_since, cached_label_list, assignee_agent_bot_id, additional_attributes,
  sla_policy_id
)
select
  id,
  account_id,
  inbox_id,
  status,
  assignee_id,
  created_at,
  -- Saved a moment after the last message; one in ten was edited once more, days later; some by one bulk update, all with its stamp.
  case
    when id % 50 = 7 then greatest(last_activity_at, current_setting('demo.now')::timestamp - interval '3 days')
    else least(
      current_setting('demo.now')::timestamp,
      last_activity_at + pg_temp.micros(pg_temp.dice('saved', id, 900000)
        + case when pg_temp.dice('edited', id, 10) = 0 then pg_temp.dice('edited after', id, 172800000000) else 0 end)
    )
  end,
  contact_id,
  case when pg_temp.dice('contact saw', id, 100) < 70 then last_activity_at end,
  case when pg_temp.dice('agent saw', id, 100) < 80 then last_activity_at end,
  contact_inbox_id,
  md5('uuid' || id || current_setting('demo.seed'))::uuid,
  last_activity_at,
  case when pg_temp.dice('has team', id, 100) < 60 then pg_temp.favour('team', id, teams) end,
  case when pg_temp.dice('from campaign', id, 100) < 5 then pg_temp.pick('campaign', id, campaigns) end,
  case when status = 3 then current_setting('demo.now')::timestamp + pg_temp.pick('snoozed', id, array[
    null, interval '2 hours', interval '3 days 00:30:00.000001', interval '-5 days'
  ]) end,
  case
    when pg_temp.dice('custom', id, 10) = 0 then jsonb_build_object('pedido', 100000 + pg_temp.dice('order', id, 900000))
    else '{}'
  end,
  case when assignee_id is not null and pg_temp.dice('agent saw', id, 100) < 80 then last_activity_at end,
  case when not bot and messages > 1 then created_at + pg_temp.micros(span / (messages - 1)) end,
  pg_temp.pick('priority', id, array[null, null, null, null, null, 0, 1, 1, 2, 3]),
  case when status <> 1 and pg_temp.dice('waiting', id, 100) < 60 then last_activity_at end,
  case
    when pg_temp.dice('labels', id, 10) < 5 then null
    when pg_temp.dice('labels', id, 10) < 8 or other_label = label then label
    else label || ', ' || other_label
  end,
  case when bot then 1 end,
  case
    when id % 3 = 0 then jsonb_build_object(
      'referer', 'https://loja.example/produto/' || id % 97,
      'initiated_at', jsonb_build_object('timestamp', created_at),
      'browser', jsonb_build_object('browser_name', 'Firefox', 'browser_version', '141', 'platform_name', 'Linux'),
      'browser_language', 'pt'
    )
    else '{}'
  end,
  case when account_id = 1 and pg_temp.dice('sla', id, 5) = 0 then 1 + id % 2 end
from (
  select
    *,
    pg_temp.favour('label', id, labels) as label,
    pg_temp.favour('other label', id, labels) as other_label
  from demo_conversation
) as labelled
order by id;

insert into taggings (tag_id, taggable_type, taggable_id, context, created_at)
select
  tags.id,
  'Conversation',
  conversations.id,
  'labels',
  conversations.last_activity_at
from conversations
cross join unnest(string_to_array(cached_label_list, ', ')) with ordinality as label (title, position)
join tags on tags.name = label.title
order by conversations.id, position;

-- A contact can have labels too, and its id is often also that of a conversation.
insert into taggings (tag_id, taggable_type, taggable_id, context, created_at)
select
  tags.id,
  'Contact',
  contacts.id,
  'labels',
  contacts.created_at
from contacts
join demo_account using (account_id)
join tags on tags.name = pg_temp.favour('contact label', contacts.id, demo_account.labels)
where contacts.id % 9 = 0
order by contacts.id;
