-- Conversations are deleted: the row and its labels at once, messages and answers by jobs that may never run.

insert into demo_day (event, conversation_id)
select
  'deleted',
  id
from conversations
where id in (select id from demo_before)
order by pg_temp.dice('deleted', id, 4294967296), id
limit pg_temp.times(2);

delete from conversations where id in (select pg_temp.picked('deleted'));

delete from taggings
where taggable_type = 'Conversation' and taggable_id in (select pg_temp.picked('deleted'));
