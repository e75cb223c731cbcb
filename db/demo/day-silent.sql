-- Silent changes, written without Chatwoot's models: no timestamp changes, only the value itself.

create temporary table demo_removed_agent as
select
  account_users.account_id,
  user_id
from account_users
join conversations on conversations.account_id = account_users.account_id and assignee_id = user_id
where user_id not in (select id from demo_renamed_user)
group by account_users.account_id, user_id
order by count(*), user_id
limit pg_temp.times(1);

insert into demo_day (event, conversation_id, silent)
select
  'agent removed',
  id,
  true
from conversations
join demo_removed_agent on demo_removed_agent.account_id = conversations.account_id and user_id = assignee_id;

delete from account_users
using demo_removed_agent
where account_users.account_id = demo_removed_agent.account_id and account_users.user_id = demo_removed_agent.user_id;

update conversations set assignee_id = null where id in (select pg_temp.picked('agent removed'));

insert into demo_day (event, conversation_id, silent)
select
  'agent looked',
  id,
  true
from conversations
order by pg_temp.dice('agent looked', id, 4294967296), id
limit pg_temp.times(3);

update conversations
set
  agent_last_seen_at = pg_temp.clock(),
  assignee_last_seen_at = pg_temp.clock()
where id in (select pg_temp.picked('agent looked'));

-- Since 4.14 the taggings are deleted too.
create temporary table demo_removed_label as
select
  labels.id,
  labels.account_id,
  tags.id as tag_id
from labels
join tags on tags.name = labels.title
join taggings on taggings.tag_id = tags.id and taggable_type = 'Conversation'
join conversations on conversations.id = taggable_id and conversations.account_id = labels.account_id
where labels.id not in (select id from demo_renamed_label)
group by labels.id, tags.id
order by count(*), labels.id
limit pg_temp.times(1);

insert into demo_day (event, conversation_id, silent)
select
  'label deleted',
  conversations.id,
  true
from demo_removed_label
join taggings using (tag_id)
join conversations on conversations.id = taggable_id and conversations.account_id = demo_removed_label.account_id
where taggable_type = 'Conversation';

delete from taggings
using demo_removed_label, conversations
where taggings.tag_id = demo_removed_label.tag_id
  and taggable_type = 'Conversation'
  and conversations.id = taggable_id
  and conversations.account_id = demo_removed_label.account_id;

delete from labels where id in (select id from demo_removed_label);

update conversations
set cached_label_list = pg_temp.labels_of(id)
where id in (select pg_temp.picked('label deleted'));
