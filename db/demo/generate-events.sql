-- What Chatwoot writes for its reports: a response, a resolution, a reopening, by a bot or not. An event is stamped a few seconds after what
-- it is about. Some resolved conversations have none, as those that came in by an import; some rows stand twice, as of a job that was
-- tried again; of old ones only the value is known.

insert into reporting_events (
  name, value, account_id, inbox_id, user_id, conversation_id, created_at, updated_at, value_in_business_hours, event_start_time,
  event_end_time
)
select
  name,
  seconds,
  account_id,
  inbox_id,
  agent_id,
  conversation_id,
  stamped_at,
  stamped_at,
  case
    when ended_at < current_setting('demo.now')::timestamp - interval '500 days' then null
    when pg_temp.dice('business', conversation_id, 3) = 0 then 0
    else floor(seconds / 3)
  end,
  case when ended_at >= current_setting('demo.now')::timestamp - interval '500 days' then began_at end,
  case when ended_at >= current_setting('demo.now')::timestamp - interval '500 days' then ended_at end
from (
  select
    *,
    floor(extract(epoch from ended_at)) - floor(extract(epoch from began_at)) as seconds,
    least(current_setting('demo.now')::timestamp, ended_at + pg_temp.micros(500000 + pg_temp.dice('job', conversation_id, 2500000)))
      as stamped_at
  from (
    select
      event.name,
      talk.account_id,
      talk.inbox_id,
      talk.id as conversation_id,
      event.agent_id,
      event.began_at,
      event.ended_at,
      event.times
    from (
      select
        *,
        created_at + (last_activity_at - created_at) / 3 as first_resolved_at,
        created_at + (last_activity_at - created_at) / 2 as reopened_at,
        created_at + (last_activity_at - created_at) / 4 as handed_at,
        assignee_agent_bot_id is not null as is_bot,
        status = 1 and id % 23 <> 0 as is_resolved,
        pg_temp.dice('reopened', id, 8) = 0 as is_reopened,
        pg_temp.dice('handoff', id, 4) = 0 as is_handed
      from conversations
    ) as talk
    cross join lateral (
      values
      ('first_response', assignee_id, created_at, first_reply_created_at, 1, not is_bot and first_reply_created_at is not null),
      ('conversation_bot_handoff', null, created_at, handed_at, 1, is_bot and is_handed),
      ('conversation_opened', null, handed_at, handed_at, 1, is_bot and is_handed),
      ('conversation_resolved', assignee_id, created_at, first_resolved_at, 1, is_reopened),
      ('conversation_opened', assignee_id, first_resolved_at, reopened_at, 1, is_reopened),
      ('conversation_resolved', assignee_id, created_at, last_activity_at, case when id % 97 = 0 then 2 else 1 end, is_resolved),
      ('conversation_bot_resolved', assignee_id, created_at, last_activity_at, 1, is_bot and is_resolved and not is_handed)
    ) as event (name, agent_id, began_at, ended_at, times, happened)
    where happened

    union all

    -- Every third answer ends a wait.
    select
      'reply_time',
      account_id,
      inbox_id,
      conversation_id,
      sender_id,
      created_at - pg_temp.micros(1 + pg_temp.dice('waited', id, 1800000000)),
      created_at,
      1
    from messages
    where message_type = 1
      and sender_type = 'User'
      and not private
      and id % 3 = 0

    union all

    -- The conversation is gone.
    select
      'conversation_resolved',
      1,
      1,
      null,
      41,
      current_setting('demo.now')::timestamp - interval '40 days',
      current_setting('demo.now')::timestamp - interval '39 days',
      1
  ) as happened
) as written
cross join lateral generate_series(1, times)
order by stamped_at, conversation_id, name;
