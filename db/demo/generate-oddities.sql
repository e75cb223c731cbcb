-- Unexpected contents of real databases: a few rows of each, from 482 conversations with 10 messages upwards.

create temporary table demo_text as
select
  number,
  body
from unnest(array[
  '',
  ' ',
  null,
  'null',
  E'\\N',
  E'\\.',
  E'tab\there, CR\rhere, CRLF\r\nhere, LF\nhere, backslash \\ and \\n, form feed \f, bell \x07, end',
  E'\r\n\t \r\n',
  'aspas "duplas", ''simples'', `crase`, “tipográficas” e \"escapadas\"',
  '\u0000 is only six characters here',
  '''; drop table messages; --',
  '{"text": "JSON?", "list": [1, null, "\""]}',
  '{1,2,NULL,"a,b"}',
  '👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈 🇧🇷 ❤️‍🔥 🧑🏿‍🚀',
  '𝕹𝖆̃𝖔 funciona 😤',
  'Não e Não: composto e decomposto',
  'مرحبا שלום 你好 สวัสดี',
  E'\uFEFFmarca, zero\u200Blargura, \uFFFDsubstituto, \uFFFFúltimo, \U0010FFFFfim',
  '<script>alert("oi")</script> &amp; <b>negrito</b>',
  'https://exemplo.example/?q=a%20b&c=%00#' || repeat('x', 2000),
  repeat('kkkk', 3000),
  (select string_agg('Linha ' || line || ': o produto chegou, mas não era bem o que eu esperava.', E'\n' order by line)
    from generate_series(1, 3200) as line)
]) with ordinality as odd (body, number);

update messages
set content = demo_text.body
from demo_text
join (
  select
    id,
    row_number() over (order by id) as place
  from messages
  where id <= 2000 and message_type < 2 and not private
) as spoken on spoken.place = demo_text.number * 5
where messages.id = spoken.id;

-- Every content type, and one unknown to every release; the same for the other enums.
update messages set content_type = id - 300 where id between 301 and 312 and id <> 309;
update messages set content_type = 42 where id = 320;
update messages set message_type = 8 where id = 330;
update conversations set status = 9 where id = 3;
update conversations set priority = 7 where id = 4;

-- Valid json that jsonb rejects.
update messages set content_attributes = '{"note": "a\u0000b"}' where id = 340;
update messages set content_attributes = '"{\"note\":\"a\\u0000b\"}"' where id = 341;

-- Deleted messages stay as rows.
update messages
set
  content = 'This message was deleted',
  content_attributes = case id % 2 when 0 then '"{\"deleted\":true}"' else '{"deleted": true}' end::json
where id between 350 and 355;

-- Rows from before the cached list existed.
update conversations set cached_label_list = null where id % 29 = 0 and id < 2000;

-- A second answer to a second survey: later, or at the very same time.
insert into csat_survey_responses (
  account_id, conversation_id, message_id, rating, feedback_message, contact_id, assigned_agent_id, created_at, updated_at
)
select
  account_id,
  conversation_id,
  (select min(id) from messages where messages.conversation_id = csat.conversation_id),
  case rating when 1 then 5 else 1 end,
  'Mudei de ideia',
  contact_id,
  assigned_agent_id,
  created_at + pg_temp.micros(id % 2),
  created_at + pg_temp.micros(id % 2)
from csat_survey_responses as csat
where id <= 6
order by id;

-- What a conversation refers to may be deleted.
delete from contacts where id in (select contact_id from conversations where id in (7, 77, 333) or id % 5000 = 0);
delete from account_users where user_id = 8;
delete from users where id = 8;
delete from teams where id = 4;
delete from inboxes where id = 4;
update conversations set contact_id = null where id = 12;

-- A deleted conversation leaves its children behind: nothing has the id 41.
insert into messages (
  content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, sender_type, sender_id
)
select
  content,
  account_id,
  inbox_id,
  41,
  message_type,
  created_at,
  updated_at,
  sender_type,
  sender_id
from messages
where conversation_id = 40
order by id;

insert into csat_survey_responses (
  account_id, conversation_id, message_id, rating, contact_id, created_at, updated_at
)
select
  account_id,
  41,
  max(id),
  5,
  1,
  max(created_at),
  max(updated_at)
from messages
where conversation_id = 41
group by account_id;

insert into taggings (tag_id, taggable_type, taggable_id, context, created_at)
select
  1,
  'Conversation',
  41,
  'labels',
  max(created_at)
from messages
where conversation_id = 41
having count(*) > 0;

-- The ids above did not come from the sequences.
select
  setval('accounts_id_seq', 3),
  setval('users_id_seq', 26),
  setval('teams_id_seq', 9),
  setval('inboxes_id_seq', 9),
  setval('tags_id_seq', 10),
  setval('contacts_id_seq', contacts + 1, false),
  setval('contact_inboxes_id_seq', contacts + 1, false),
  setval('conversations_id_seq', conversations + conversations / 40 + 1, false)
from (
  select
    current_setting('demo.conversations')::integer as conversations,
    ceil(current_setting('demo.conversations')::integer * 0.7)::integer as contacts
) as setting;
