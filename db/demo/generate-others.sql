-- What else belongs to the conversations: bots and their inboxes, companies, attachments, participants and service levels.

insert into agent_bots (id, name, outgoing_url, created_at, updated_at, account_id, secret)
select
  id,
  name,
  'https://bot.example/' || id,
  current_setting('demo.now')::timestamp - interval '590 days',
  current_setting('demo.now')::timestamp - interval '590 days',
  id,
  'not a secret: ' || md5('bot' || id)
from (values (1, 'Ipê Bot'), (2, 'Robô do café')) as bot (id, name);

insert into agent_bot_inboxes (inbox_id, agent_bot_id, status, created_at, updated_at, account_id)
values
  (2, 1, 0, current_setting('demo.now')::timestamp - interval '590 days', current_setting('demo.now')::timestamp - interval '590 days', 1),
  (7, 2, 1, current_setting('demo.now')::timestamp - interval '590 days', current_setting('demo.now')::timestamp - interval '590 days', 2);

insert into integrations_hooks (status, inbox_id, account_id, app_id, access_token, created_at, updated_at)
values (
  1, 8, 2, 'dialogflow', 'not a token', current_setting('demo.now')::timestamp - interval '400 days',
  current_setting('demo.now')::timestamp - interval '400 days'
);

insert into captain_inboxes (captain_assistant_id, inbox_id, created_at, updated_at)
values (1, 6, current_setting('demo.now')::timestamp - interval '100 days', current_setting('demo.now')::timestamp - interval '100 days');

insert into companies (id, name, domain, account_id, created_at, updated_at)
select
  id,
  'Empresa ' || id || ' Ltda.',
  'empresa' || id || '.example',
  1,
  current_setting('demo.now')::timestamp - interval '300 days',
  current_setting('demo.now')::timestamp - interval '300 days'
from generate_series(1, 20) as id;

insert into sla_policies (id, name, first_response_time_threshold, account_id, created_at, updated_at)
select
  id,
  (array['Ouro', 'Prata'])[id],
  id * 600,
  1,
  current_setting('demo.now')::timestamp - interval '500 days',
  current_setting('demo.now')::timestamp - interval '500 days'
from generate_series(1, 2) as id;

insert into applied_slas (account_id, sla_policy_id, conversation_id, created_at, updated_at, sla_status)
select
  account_id,
  sla_policy_id,
  id,
  created_at,
  last_activity_at,
  pg_temp.dice('sla status', id, 4)
from conversations
where sla_policy_id is not null
order by id;

insert into sla_events (
  applied_sla_id, conversation_id, account_id, sla_policy_id, inbox_id, event_type, created_at, updated_at
)
select
  applied_slas.id,
  applied_slas.conversation_id,
  applied_slas.account_id,
  applied_slas.sla_policy_id,
  conversations.inbox_id,
  missed.type,
  applied_slas.updated_at,
  applied_slas.updated_at
from applied_slas
join conversations on conversations.id = applied_slas.conversation_id
cross join lateral (values (0), (1), (1), (2)) as missed (type)
where applied_slas.sla_status in (2, 3)
  and missed.type <= applied_slas.conversation_id % 3
order by applied_slas.id;

insert into attachments (file_type, message_id, account_id, created_at, updated_at, extension)
select
  pg_temp.pick('file type', id * 2 + place, array[0, 0, 0, 1, 2, 3]),
  id,
  account_id,
  created_at,
  created_at,
  'bin'
from messages
cross join lateral generate_series(1, 1 + pg_temp.dice('files', id, 2)) as place
where pg_temp.dice('attached', id, 20) = 0
order by id;

-- Chatwoot adds everyone to whom a conversation is assigned; others join by themselves.
insert into conversation_participants (account_id, user_id, conversation_id, created_at, updated_at)
select
  account_id,
  assignee_id,
  id,
  created_at,
  created_at
from conversations
where assignee_id is not null

union all

select
  account_id,
  1,
  id,
  last_activity_at,
  last_activity_at
from conversations
where id % 30 = 0
  and assignee_id <> 1;
