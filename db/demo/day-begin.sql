-- The functions of a day in Chatwoot 4.12 or later. Every other file is one transaction; each event first selects its conversations into
-- demo_day, then writes what Chatwoot would write. Needs dice.sql, demo.seed and demo.intensity.

create temporary table demo_day (
  event text not null,
  -- Null where an event changes no conversation's row: it moves a stamp all the same.
  conversation_id integer,
  silent boolean not null default false
);

create temporary table demo_before as
select id from conversations;

create function pg_temp.times(ordinary integer) returns bigint
language sql stable
as $$
  select ceil(ordinary * current_setting('demo.intensity')::numeric)::bigint
$$;

-- Rails writes the application's clock, in UTC, before it commits.
create function pg_temp.clock() returns timestamp
language sql volatile
as $$
  select clock_timestamp() at time zone 'UTC'
$$;

create function pg_temp.picked(happening text) returns setof integer
language sql stable
as $$
  select conversation_id from demo_day where event = happening
$$;

-- The name with the suffix added, or removed if it is there, so that names do not grow from day to day.
create function pg_temp.renamed(name text, suffix text) returns text
language sql immutable
as $$
  select case
    when right(name, length(suffix)) = suffix then left(name, -length(suffix))
    else name || suffix
  end
$$;

create function pg_temp.labels_of(conversation integer) returns text
language sql stable
as $$
  select string_agg(tags.name, ', ' order by taggings.id)
  from taggings
  join tags on tags.id = tag_id
  where taggable_type = 'Conversation' and taggable_id = conversation and context = 'labels'
$$;

-- A message and its effects, in Chatwoot's order: the message, the conversation, the contact.
create function pg_temp.post(conversation integer, kind integer, body text, sender text default null) returns void
language plpgsql
as $$
declare
  talk conversations;
  sent_at timestamp := pg_temp.clock();
  author bigint;
begin
  select * into strict talk from conversations where id = conversation;
  author := case sender when 'Contact' then talk.contact_id when 'User' then talk.assignee_id end;
  insert into messages (
    content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, content_attributes, sender_type,
    sender_id
  )
  values (
    body, talk.account_id, talk.inbox_id, conversation, kind, sent_at, sent_at, '"{}"', case when author is not null then sender end,
    author
  );
  update conversations
  set
    last_activity_at = sent_at,
    updated_at = pg_temp.clock(),
    status = case when kind = 0 and status in (1, 3) then 0 else status end,
    waiting_since = case kind when 0 then coalesce(waiting_since, sent_at) when 1 then null else waiting_since end,
    first_reply_created_at = case
      when kind = 1 and sender = 'User' then coalesce(first_reply_created_at, sent_at)
      else first_reply_created_at
    end
  where id = conversation;
  if kind = 0 then
    update contacts
    set
      last_activity_at = sent_at,
      updated_at = pg_temp.clock()
    where id = talk.contact_id;
  end if;
end
$$;
