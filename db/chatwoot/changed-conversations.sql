-- Ids of the conversations of which a part changed, as far as an index leads to it; what only a column without one shows is in the files
-- scan-*.sql. A bound that the planner cannot see would make it read all history, so :low, :edited_since and the lists of ids are parameters
-- of this statement.
select distinct changed.id::integer::text as id
from (
  -- New messages of any kind, those among them that are about a change of status, assignee, team or labels: such a change arrives with them.
  -- And edits, soft deletes, delivery and reading. updated_at has no index, so most runs look only at messages of the last days; those that
  -- look at all of them read scan-messages.sql, and none here.
  --
  -- By the index on created_at. As one condition, so that the planner makes a bitmap of the pages and reads each of them once: in order of the
  -- index it goes back and forth between the versions of messages that were updated, two of which seldom lie on one page.
  select conversation_id as id
  from messages
  where created_at >= :low::timestamp
    or (created_at >= :edited_among::timestamp and updated_at >= :edited_since::timestamp)

  union all

  -- What reports are made of: an event is written seconds after the change that it is about, and may miss the run that reads that one. By
  -- the index on created_at.
  select conversation_id
  from reporting_events
  where created_at >= :low::timestamp

  union all

  -- Agents, teams, inboxes and accounts are compared by content, so that an agent's sign-in costs nothing. By index.
  select id
  from conversations
  where assignee_id = any(:users::integer[])

  union all

  -- Old releases have no team_id: then its name means the one of `absent`.
  select c.id
  from (select null::bigint as team_id) absent
  cross join lateral (
    select id
    from conversations
    where team_id = any(:teams::integer[])
  ) c

  union all

  select id
  from conversations
  where inbox_id = any(:inboxes::integer[])

  union all

  select id
  from conversations
  where account_id = any(:accounts::integer[])

  union all

  -- Their names stand in the conversations in which they wrote or that they were rated for, too.
  select conversation_id
  from messages
  where sender_type = 'User'
    and sender_id = any(:senders::bigint[])

  union all

  select conversation_id
  from csat_survey_responses
  where assigned_agent_id = any(:senders::bigint[])

  union all

  select c.id
  from (select null::bigint as campaign_id) absent
  cross join lateral (
    select id
    from conversations
    where campaign_id = any(:campaigns::bigint[])
  ) c

  union all

  -- No index: a scan of conversations, and only when one of them changed.
  select id
  from conversations
  where cardinality(:bots::bigint[]) > 0
    and assignee_agent_bot_id = any(:bots::bigint[])

  union all

  select id
  from conversations
  where cardinality(:policies::bigint[]) > 0
    and sla_policy_id = any(:policies::bigint[])
) changed
