-- People, teams and inboxes change: only their own updated_at, never that of a conversation.

create temporary table demo_renamed_contact as
select distinct contacts.id
from contacts
join (
  select contact_id
  from conversations
  order by pg_temp.dice('contact renamed', id, 4294967296), id
  limit pg_temp.times(2)
) as chosen on chosen.contact_id = contacts.id;

update contacts
set
  name = pg_temp.renamed(coalesce(name, ''), ' ' || pg_temp.last_name('renamed', id)),
  updated_at = pg_temp.clock()
where id in (select id from demo_renamed_contact);

insert into demo_day (event, conversation_id)
select
  'contact renamed',
  id
from conversations
where contact_id in (select id from demo_renamed_contact);

-- The agents, teams and inboxes with the fewest conversations, so that a small day stays small.
create temporary table demo_renamed_user as
select users.id
from users
join conversations on conversations.assignee_id = users.id
group by users.id
order by count(*), users.id
limit pg_temp.times(1);

update users
set
  name = pg_temp.renamed(name, ' Jr.'),
  updated_at = pg_temp.clock()
where id in (select id from demo_renamed_user);

insert into demo_day (event, conversation_id)
select
  'agent renamed',
  id
from conversations
where assignee_id in (select id from demo_renamed_user)
   or id in (
     select conversation_id
     from messages
     where sender_type = 'User'
       and sender_id in (select id from demo_renamed_user)
       and message_type = 1
       and not private
   )
   or id in (
     select conversation_id
     from csat_survey_responses
     where assigned_agent_id in (select id from demo_renamed_user)
   );

create temporary table demo_renamed_team as
select teams.id
from teams
join conversations on conversations.team_id = teams.id
group by teams.id
order by count(*), teams.id
limit pg_temp.times(1);

update teams
set
  name = pg_temp.renamed(name, ' nova'),
  updated_at = pg_temp.clock()
where id in (select id from demo_renamed_team);

insert into demo_day (event, conversation_id)
select
  'team renamed',
  id
from conversations
where team_id in (select id from demo_renamed_team);

create temporary table demo_renamed_inbox as
select inboxes.id
from inboxes
join conversations on conversations.inbox_id = inboxes.id
group by inboxes.id
order by count(*), inboxes.id
limit pg_temp.times(1);

update inboxes
set
  name = pg_temp.renamed(name, ' (novo)'),
  updated_at = pg_temp.clock()
where id in (select id from demo_renamed_inbox);

insert into demo_day (event, conversation_id)
select
  'inbox renamed',
  id
from conversations
where inbox_id in (select id from demo_renamed_inbox);

-- Every sign-in updates users.updated_at, and nothing in a conversation's row.
insert into demo_day (event)
select 'agent signed in'
from generate_series(1, pg_temp.times(3));

update users
set
  sign_in_count = sign_in_count + 1,
  current_sign_in_at = pg_temp.clock(),
  updated_at = pg_temp.clock()
where id in (
  select id
  from users
  order by pg_temp.dice('signed in', id, 4294967296), id
  limit pg_temp.times(3)
);
