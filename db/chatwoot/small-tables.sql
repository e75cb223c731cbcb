-- Agents, teams, inboxes, accounts, campaigns, bots and policies as the conversation row shows them, each by a fingerprint, and the time zones of inboxes and accounts.
-- What is protected goes in as it is loaded, so that no fingerprint shows more of it than the target.
-- Their updated_at would miss renames that leave it alone and count every sign-in; they are small, so they are read whole.
select
  'users' as table_name,
  id::text as id,
  left(md5(row(:users)::text), 12) as fingerprint,
  null::text as time_zone
from users

union all

select
  'teams',
  id::text,
  left(md5(row(:teams)::text), 12),
  null
from teams

union all

select
  'inboxes',
  inbox.id::text,
  left(md5(row(:inboxes)::text), 12),
  inbox.timezone::text
from (select null::text as timezone) absent
cross join lateral (
  select id, name, channel_type, timezone, :part_bots as has_bot
  from inboxes
) inbox

union all

select
  'accounts',
  id::text,
  left(md5(row(:accounts)::text || coalesce(settings ->> 'reporting_timezone', '')), 12),
  settings ->> 'reporting_timezone'
from accounts

union all

select
  'campaigns',
  id::text,
  left(md5(row(:campaigns)::text), 12),
  null
from campaigns

union all

select
  'agentBots',
  id::text,
  left(md5(row(:bots)::text), 12),
  null
from agent_bots

union all

select
  'slaPolicies',
  id::text,
  left(md5(row(:policies)::text), 12),
  null
from sla_policies

union all

-- The estimated number of messages: a scan of all of them may cost too much. Of a table that was never analysed only the size is known.
select
  'messages',
  'estimate',
  case when reltuples >= 0 then reltuples::bigint else pg_relation_size(oid) / 200 end::text,
  null
from pg_class
where oid = to_regclass('messages')
