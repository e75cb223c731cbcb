-- Older conversations continue: their own updated_at changes, and last_activity_at with every message.

insert into demo_day (event, conversation_id)
select
  'message received',
  id
from conversations
where exists (select from contacts where contacts.id = contact_id)
order by pg_temp.dice('received', id, 4294967296), id
limit pg_temp.times(6);

select pg_temp.post(id, 0, pg_temp.pick('received', id, array[
  'Oi, alguma novidade? 🙏', 'Chegou! Muito obrigado ❤️', 'Continua com defeito…', E'Segue o que pediram:\n"foto" \\ nota fiscal'
]), 'Contact')
from pg_temp.picked('message received') as id;

insert into demo_day (event, conversation_id)
select
  'message sent',
  id
from conversations
where assignee_id is not null
order by pg_temp.dice('sent', id, 4294967296), id
limit pg_temp.times(4);

select pg_temp.post(id, 1, 'Oi! Passando para saber se ficou tudo certo. 😊', 'User')
from pg_temp.picked('message sent') as id;

-- Resolving clears waiting_since in a second write that leaves updated_at unchanged; the activity message then updates it.
insert into demo_day (event, conversation_id)
select
  'resolved',
  id
from conversations
where status = 0
order by pg_temp.dice('resolved', id, 4294967296), id
limit pg_temp.times(4);

update conversations set status = 1, updated_at = pg_temp.clock() where id in (select pg_temp.picked('resolved'));
update conversations set waiting_since = null where id in (select pg_temp.picked('resolved'));
select pg_temp.post(id, 2, 'Conversa marcada como resolvida') from pg_temp.picked('resolved') as id;

insert into demo_day (event, conversation_id)
select
  'reopened',
  id
from conversations
where status = 1
order by pg_temp.dice('reopened', id, 4294967296), id
limit pg_temp.times(2);

update conversations set status = 0, updated_at = pg_temp.clock() where id in (select pg_temp.picked('reopened'));
select pg_temp.post(id, 2, 'Conversa reaberta') from pg_temp.picked('reopened') as id;

insert into demo_day (event, conversation_id)
select
  'snoozed',
  id
from conversations
where status in (0, 2)
order by pg_temp.dice('snoozed', id, 4294967296), id
limit pg_temp.times(2);

update conversations
set
  status = 3,
  snoozed_until = pg_temp.clock() + interval '1 day',
  updated_at = pg_temp.clock()
where id in (select pg_temp.picked('snoozed'));
select pg_temp.post(id, 2, 'Conversa adiada') from pg_temp.picked('snoozed') as id;

insert into demo_day (event, conversation_id)
select
  'assigned',
  id
from conversations
where exists (select from account_users where account_users.account_id = conversations.account_id)
order by pg_temp.dice('assigned', id, 4294967296), id
limit pg_temp.times(3);

update conversations
set
  assignee_id = (
    select user_id
    from account_users
    where account_users.account_id = conversations.account_id and user_id is distinct from assignee_id
    order by pg_temp.dice('assignee', user_id + conversations.id, 4294967296), user_id
    limit 1
  ),
  team_id = (
    select id
    from teams
    where teams.account_id = conversations.account_id
    order by pg_temp.dice('team', teams.id + conversations.id, 4294967296), teams.id
    limit 1
  ),
  updated_at = pg_temp.clock()
where id in (select pg_temp.picked('assigned'));
select pg_temp.post(id, 2, 'Conversa atribuída') from pg_temp.picked('assigned') as id;

insert into demo_day (event, conversation_id)
select
  'prioritised',
  id
from conversations
order by pg_temp.dice('prioritised', id, 4294967296), id
limit pg_temp.times(1);

update conversations
set
  priority = case priority when 3 then null else 3 end,
  updated_at = pg_temp.clock()
where id in (select pg_temp.picked('prioritised'));
select pg_temp.post(id, 2, 'A prioridade mudou') from pg_temp.picked('prioritised') as id;

-- The cached list and the tagging are written together; the tagging has no updated_at.
insert into tags (name)
values ('urgente')
on conflict (name) do nothing;

insert into demo_day (event, conversation_id)
select
  'label added',
  id
from conversations
where not exists (
  select
  from taggings
  join tags on tags.id = tag_id
  where taggable_type = 'Conversation' and taggable_id = conversations.id and tags.name = 'urgente'
)
order by pg_temp.dice('label added', id, 4294967296), id
limit pg_temp.times(3);

insert into taggings (tag_id, taggable_type, taggable_id, context, created_at)
select
  tags.id,
  'Conversation',
  conversation_id,
  'labels',
  pg_temp.clock()
from pg_temp.picked('label added') as conversation_id
join tags on tags.name = 'urgente'
order by conversation_id;

update conversations
set
  cached_label_list = pg_temp.labels_of(id),
  updated_at = pg_temp.clock()
where id in (select pg_temp.picked('label added'));
select pg_temp.post(id, 2, 'Etiqueta urgente adicionada') from pg_temp.picked('label added') as id;

insert into demo_day (event, conversation_id)
select
  'contact looked',
  id
from conversations
where contact_id is not null
order by pg_temp.dice('contact looked', id, 4294967296), id
limit pg_temp.times(2);

update conversations
set
  contact_last_seen_at = pg_temp.clock(),
  updated_at = pg_temp.clock()
where id in (select pg_temp.picked('contact looked'));
