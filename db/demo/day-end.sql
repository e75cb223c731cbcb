-- What the day changed in the rows of conversations: by comparing before and after, because events overlap.

with existing as (
  select
    coalesce(before.id, conversations.id) as id,
    before.id is not null as existed,
    conversations.id is not null as remains
  from demo_before as before
  full join conversations on conversations.id = before.id
),
touched as (
  select
    conversation_id as id,
    bool_and(silent) as silent
  from demo_day
  group by conversation_id
),
lasting as (
  select
    id,
    silent
  from existing
  join touched using (id)
  where existed and remains
)
select
  array(select id from existing where not existed order by id) as inserted,
  array(select id from lasting where not silent order by id) as updated,
  array(select id from existing where not remains order by id) as deleted,
  array(select id from lasting where silent order by id) as silent,
  (
    select coalesce(jsonb_object_agg(event, times), '{}')
    from (
      select
        event,
        count(*) as times
      from demo_day
      group by event
    ) as counted
  ) as events;
