-- What Chatwoot's jobs write for its reports, a moment after what they are about: responses, resolutions and reopenings of the day. The
-- conversations have changed anyway.

insert into reporting_events (
  name, value, account_id, inbox_id, user_id, conversation_id, created_at, updated_at, value_in_business_hours, event_start_time,
  event_end_time
)
select
  happened.name,
  happened.seconds,
  talk.account_id,
  talk.inbox_id,
  talk.assignee_id,
  talk.id,
  pg_temp.clock(),
  pg_temp.clock(),
  floor(happened.seconds / 3),
  happened.began_at,
  happened.ended_at
from (
  select
    *,
    greatest(floor(extract(epoch from ended_at)) - floor(extract(epoch from began_at)), 0) as seconds
  from (
    select
      'first_response' as name,
      id as conversation_id,
      created_at as began_at,
      first_reply_created_at as ended_at
    from conversations
    where id in (select pg_temp.picked('opened'))
      and first_reply_created_at is not null

    union all

    -- To somebody who had written last.
    select
      'reply_time',
      answered.conversation_id,
      answered.asked_at,
      answered.replied_at
    from (
      select
        conversation_id,
        max(created_at) as replied_at,
        max(created_at) filter (where sender_type = 'Contact') as asked_at,
        (array_agg(sender_type order by id desc))[2] as sender_before
      from messages
      where conversation_id in (select pg_temp.picked('message sent'))
        and message_type in (0, 1)
        and not private
      group by conversation_id
    ) answered
    where answered.sender_before = 'Contact'

    union all

    select
      'conversation_resolved',
      conversations.id,
      conversations.created_at,
      written.at
    from conversations
    join pg_temp.picked('resolved') as resolved (id) on resolved.id = conversations.id
    cross join lateral (
      select max(created_at) as at
      from messages
      where conversation_id = conversations.id
        and message_type = 2
        and content = 'Conversa marcada como resolvida'
    ) written

    union all

    -- From the last resolution on; one that left no event counts as none.
    select
      'conversation_opened',
      conversations.id,
      coalesce(last_resolution.at, written.at),
      written.at
    from conversations
    join pg_temp.picked('reopened') as reopened (id) on reopened.id = conversations.id
    cross join lateral (
      select max(created_at) as at
      from messages
      where conversation_id = conversations.id
        and message_type = 2
        and content = 'Conversa reaberta'
    ) written
    cross join lateral (
      select max(event_end_time) as at
      from reporting_events
      where conversation_id = conversations.id
        and name = 'conversation_resolved'
    ) last_resolution
  ) as events
) as happened
join conversations as talk on talk.id = happened.conversation_id
order by happened.ended_at, talk.id, happened.name;
