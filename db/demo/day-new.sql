-- New conversations, half of them with new contacts.

create temporary table demo_newcomer as
with contact as (
  insert into contacts (name, email, phone_number, account_id, created_at, updated_at, last_activity_at)
  select
    pg_temp.first_name('newcomer', number) || ' ' || pg_temp.last_name('newcomer', number),
    null,
    '+5511' || 900000000 + pg_temp.dice('newcomer phone', number, 99999999),
    account_id,
    pg_temp.clock(),
    pg_temp.clock(),
    pg_temp.clock()
  from generate_series(1, pg_temp.times(3)) as number
  cross join lateral (
    select account_id
    from inboxes
    order by pg_temp.dice('newcomer inbox', number + inboxes.id, 4294967296), inboxes.id
    limit 1
  ) as place
  order by number
  returning id, account_id
)
select
  contact.id as contact_id,
  contact.account_id,
  min(inboxes.id) as inbox_id
from contact
join inboxes on inboxes.account_id = contact.account_id
group by contact.id, contact.account_id;

insert into contact_inboxes (contact_id, inbox_id, source_id, created_at, updated_at, pubsub_token)
select
  contact_id,
  inbox_id,
  gen_random_uuid(),
  pg_temp.clock(),
  pg_temp.clock(),
  gen_random_uuid()
from demo_newcomer
order by contact_id;

insert into conversations (
  account_id, inbox_id, status, assignee_id, created_at, updated_at, contact_id, contact_inbox_id, last_activity_at,
  waiting_since
)
select
  account_id,
  inbox_id,
  0,
  (select min(user_id) from account_users where account_users.account_id = opened.account_id),
  pg_temp.clock(),
  pg_temp.clock(),
  contact_id,
  (select max(id) from contact_inboxes where contact_inboxes.contact_id = opened.contact_id),
  pg_temp.clock(),
  pg_temp.clock()
from (
  select
    contact_id,
    account_id,
    inbox_id
  from demo_newcomer
  union all (
    select
      contact_id,
      account_id,
      inbox_id
    from conversations
    where exists (select from contacts where contacts.id = contact_id)
    order by pg_temp.dice('opened', id, 4294967296), id
    limit pg_temp.times(3)
  )
) as opened;

insert into demo_day (event, conversation_id)
select
  'opened',
  conversations.id
from conversations
where not exists (select from demo_before where demo_before.id = conversations.id);

select pg_temp.post(id, 0, 'Olá! Vi o anúncio de vocês, ainda tem em estoque? 🛍️', 'Contact') from pg_temp.picked('opened') as id;
select pg_temp.post(id, 1, 'Temos sim! Qual tamanho você procura?', 'User') from pg_temp.picked('opened') as id;
