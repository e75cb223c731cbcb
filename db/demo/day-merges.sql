-- Contacts are merged and labels renamed: Chatwoot saves every conversation concerned, so updated_at changes.

-- Into a contact with complete details, so that it takes nothing from the other one.
create temporary table demo_merge as
select
  base.id as base_id,
  mergee.id as mergee_id
from (
  select
    id,
    account_id,
    row_number() over (partition by account_id order by pg_temp.dice('base', id, 4294967296), id) as place
  from contacts
  where id % 2 = 0 and name <> '' and email <> '' and phone_number <> '' and identifier <> ''
) as base
join (
  select
    id,
    account_id,
    row_number() over (partition by account_id order by pg_temp.dice('mergee', id, 4294967296), id) as place
  from contacts
  where id % 2 = 1 and exists (select from conversations where contact_id = contacts.id)
) as mergee using (account_id, place)
order by pg_temp.dice('merged', mergee.id, 4294967296), mergee.id
limit pg_temp.times(1);

insert into demo_day (event, conversation_id)
select
  'contact merged',
  id
from conversations
where contact_id in (select mergee_id from demo_merge)
union
select
  'contact merged',
  conversation_id
from messages
where sender_type = 'Contact' and sender_id in (select mergee_id from demo_merge)
union
select
  'contact merged',
  conversation_id
from csat_survey_responses
where contact_id in (select mergee_id from demo_merge);

update conversations
set
  contact_id = base_id,
  updated_at = pg_temp.clock()
from demo_merge
where contact_id = mergee_id;

update messages
set
  sender_id = base_id,
  updated_at = pg_temp.clock()
from demo_merge
where sender_type = 'Contact' and sender_id = mergee_id;

update contact_inboxes
set
  contact_id = base_id,
  updated_at = pg_temp.clock()
from demo_merge
where contact_id = mergee_id;

delete from csat_survey_responses where contact_id in (select mergee_id from demo_merge);
delete from contacts where id in (select mergee_id from demo_merge);
update contacts set updated_at = pg_temp.clock() where id in (select base_id from demo_merge);

-- A renamed label means another tag, because labels and tags are related only by name.
create temporary table demo_renamed_label as
select
  labels.id,
  labels.account_id,
  tags.id as old_tag_id,
  pg_temp.renamed(labels.title, '-novo') as title
from labels
join tags on tags.name = labels.title
join taggings on tag_id = tags.id and taggable_type = 'Conversation'
join conversations on conversations.id = taggable_id and conversations.account_id = labels.account_id
group by labels.id, tags.id
order by count(*), labels.id
limit pg_temp.times(1);

insert into demo_day (event, conversation_id)
select
  'label renamed',
  conversations.id
from demo_renamed_label
join taggings on tag_id = old_tag_id and taggable_type = 'Conversation'
join conversations on conversations.id = taggable_id and conversations.account_id = demo_renamed_label.account_id;

update labels
set
  title = demo_renamed_label.title,
  updated_at = pg_temp.clock()
from demo_renamed_label
where labels.id = demo_renamed_label.id;

insert into tags (name)
select title
from demo_renamed_label
on conflict (name) do nothing;

with removed as (
  delete from taggings
  using demo_renamed_label, conversations
  where tag_id = old_tag_id
    and taggable_type = 'Conversation'
    and conversations.id = taggable_id
    and conversations.account_id = demo_renamed_label.account_id
  returning taggable_id, title
)
insert into taggings (tag_id, taggable_type, taggable_id, context, created_at)
select
  tags.id,
  'Conversation',
  taggable_id,
  'labels',
  pg_temp.clock()
from removed
join tags on tags.name = title
order by taggable_id;

update conversations
set
  cached_label_list = pg_temp.labels_of(id),
  updated_at = pg_temp.clock()
where id in (select pg_temp.picked('label renamed'));
