-- Ids of the conversations of which a part changed, as far as a column shows it; those whose contact changed are in changed-contacts.sql.
-- A bound that the planner cannot see would make it read all history, so :low, :edited_low and the lists of ids are parameters of this
-- statement.
select distinct changed.id::integer::text as id
from (
  -- Status, assignment, labels, new messages of any kind, merges. No index: one scan of conversations.
  select id
  from conversations
  where updated_at >= :low::timestamp

  union all

  -- Messages that came in before their conversation was touched, or without. By the index on created_at.
  select conversation_id
  from messages
  where created_at >= :low::timestamp

  union all

  -- Edits, soft deletes, delivery and reading. updated_at has no index, so most runs look only at messages of the last days, by the index
  -- on created_at, and one run a day looks at all, back to :edited_since, so that an edit of an old message is late but not lost.
  select conversation_id
  from messages
  where created_at >= :edited_among::timestamp
    and updated_at >= :edited_since::timestamp

  union all

  -- Answers to the survey, new or changed. No index: one scan of a small table.
  select conversation_id
  from csat_survey_responses
  where updated_at >= :low::timestamp

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

  union all

  -- No index: one scan of each, of small tables.
  select conversation_id
  from applied_slas
  where updated_at >= :low::timestamp

  union all

  select conversation_id
  from sla_events
  where created_at >= :low::timestamp

  union all

  -- Agents who take part. No index: one scan of narrow rows.
  select conversation_id
  from conversation_participants
  where created_at >= :low::timestamp
) changed
