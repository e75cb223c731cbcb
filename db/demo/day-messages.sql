-- Messages and answers change: since 4.12 only their own updated_at changes, not the conversation's.

create temporary table demo_edited_message as
select spoken.id, conversation_id
from (
  select id as conversation_id
  from conversations
  order by pg_temp.dice('message edited', id, 4294967296), id
  limit pg_temp.times(3)
) as chosen
cross join lateral (
  select id
  from messages
  where messages.conversation_id = chosen.conversation_id and message_type = 1 and not private and content is not null
  order by id desc
  limit 1
) as spoken;

insert into demo_day (event, conversation_id)
select
  'message edited',
  conversation_id
from demo_edited_message;

update messages
set
  content = content || ' (corrigido)',
  updated_at = pg_temp.clock()
where id in (select id from demo_edited_message);

-- A deleted message stays as a row.
create temporary table demo_deleted_message as
select spoken.id, conversation_id
from (
  select id as conversation_id
  from conversations
  order by pg_temp.dice('message deleted', id, 4294967296), id
  limit pg_temp.times(2)
) as chosen
cross join lateral (
  select id
  from messages
  where messages.conversation_id = chosen.conversation_id
    and message_type = 0
    and content is distinct from 'This message was deleted'
  order by id desc
  limit 1
) as spoken;

insert into demo_day (event, conversation_id)
select
  'message deleted',
  conversation_id
from demo_deleted_message;

update messages
set
  content = 'This message was deleted',
  content_attributes = '"{\"deleted\":true}"',
  updated_at = pg_temp.clock()
where id in (select id from demo_deleted_message);

-- Delivery reports update the timestamp of a message, and nothing in the conversation's row.
create temporary table demo_read_message as
select spoken.id
from (
  select id as conversation_id
  from conversations
  order by pg_temp.dice('message read', id, 4294967296), id
  limit pg_temp.times(5)
) as chosen
cross join lateral (
  select id
  from messages
  where messages.conversation_id = chosen.conversation_id and message_type = 1 and not private and status is distinct from 3
  order by id desc
  limit 1
) as spoken;

insert into demo_day (event)
select 'message read'
from demo_read_message;

update messages
set
  status = 2,
  updated_at = pg_temp.clock()
where id in (select id from demo_read_message);

-- An answer is stored in the survey's message, and in a separate row.
create temporary table demo_answer as
select
  messages.id as message_id,
  conversations.id as conversation_id,
  conversations.account_id,
  contact_id,
  assignee_id
from messages
join conversations on conversations.id = conversation_id
where content_type = 9
  and contact_id is not null
  and not exists (select from csat_survey_responses where message_id = messages.id)
order by pg_temp.dice('csat answered', messages.id, 4294967296), messages.id
limit pg_temp.times(2);

insert into demo_day (event, conversation_id)
select
  'csat answered',
  conversation_id
from demo_answer;

update messages
set
  content_attributes = '"{\"submitted_values\":{\"csat_survey_response\":{\"rating\":4}}}"',
  updated_at = pg_temp.clock()
where id in (select message_id from demo_answer);

insert into csat_survey_responses (
  account_id, conversation_id, message_id, rating, feedback_message, contact_id, assigned_agent_id, created_at, updated_at
)
select
  account_id,
  conversation_id,
  message_id,
  4,
  'Bom atendimento, obrigado!',
  contact_id,
  assignee_id,
  pg_temp.clock(),
  pg_temp.clock()
from demo_answer
order by message_id;

-- Of several answers the last one counts, so that one changes.
create temporary table demo_changed_answer as
select
  id,
  conversation_id
from (
  select distinct on (conversation_id)
    id,
    conversation_id
  from csat_survey_responses
  where exists (select from conversations where conversations.id = conversation_id)
    and conversation_id not in (select conversation_id from demo_answer)
  order by conversation_id, created_at desc, id desc
) as last_answer
order by pg_temp.dice('csat changed', id, 4294967296), id
limit pg_temp.times(2);

insert into demo_day (event, conversation_id)
select
  'csat changed',
  conversation_id
from demo_changed_answer;

update csat_survey_responses
set
  rating = case rating when 1 then 5 else rating - 1 end,
  feedback_message = 'Pensando bem, ' || coalesce(feedback_message, 'mudei a nota.'),
  updated_at = pg_temp.clock()
where id in (select id from demo_changed_answer);
