-- What belongs to a conversation in other tables, each by an index on it. What is a single value is a subquery of the row, as each join
-- makes planning slower.
left join lateral (
  select
    count(*)::integer as total,
    coalesce(array_agg(distinct file_type::integer order by file_type::integer), '{}') as types
  from attachments
  where message_id = any(m.ids)
) files on :reads_attachments
left join lateral (
  select
    coalesce(array_agg(first.id::integer order by first.place), '{}') as ids,
    coalesce(array_agg(users.name::text order by first.place), '{}') as names
  from (
    select
      sent.id,
      min(sent.place) as place
    from unnest(m.agents) with ordinality as sent (id, place)
    group by sent.id
  ) first
  left join users on users.id = first.id
) agents on true
left join lateral (
  -- Under several policies one after the other: the latest counts.
  select sla_status, created_at
  from applied_slas
  where conversation_id = c.id
  order by created_at desc, id desc
  limit 1
) sla on true
