-- What Chatwoot's own reports are made of: the rows of reporting_events, by the index on conversation_id. Nothing is distinct, as a row
-- that stands twice counts twice there. Values are whole seconds in a float; what is no number of seconds is kept in the list alone. One
-- order serves all of it, as each other one would be a sort for every conversation.
left join lateral (
  select
    coalesce(json_agg(event.entry), '[]') as list,
    (min(event.ended_at) filter (where event.is_resolution))::timestamp(6) as first_resolved_at,
    (max(event.ended_at) filter (where event.is_resolution))::timestamp(6) as resolved_at,
    max(event.ended_at) filter (where event.name = 'conversation_bot_resolved') as bot_resolved_at,
    (min(event.ended_at) filter (where event.name = 'conversation_bot_handoff'))::timestamp(6) as handoff_at,
    (count(*) filter (where event.is_resolution))::integer as resolutions,
    (count(*) filter (where event.name = 'conversation_opened'))::integer as openings,
    (count(*) filter (where event.name = 'conversation_opened' and event.seconds > 0))::integer as reopenings,
    (count(*) filter (where event.name = 'conversation_bot_resolved'))::integer as bot_resolutions,
    (count(*) filter (where event.name = 'conversation_bot_handoff'))::integer as handoffs,
    -- The id before them decides which is the least.
    min(array[event.id::bigint, event.seconds, event.business_seconds]) filter (where event.name = 'first_response') as first_response,
    array_agg(event.ended_at) filter (where event.is_resolution) as resolution_ends,
    array_agg(event.seconds) filter (where event.is_resolution) as resolution_seconds,
    array_agg(event.business_seconds) filter (where event.is_resolution) as resolution_business_seconds,
    (count(*) filter (where event.name = 'reply_time'))::integer as replies,
    avg(event.seconds) filter (where event.name = 'reply_time') as mean_reply,
    avg(event.business_seconds) filter (where event.name = 'reply_time') as mean_reply_business
  from (
    select
      events.id,
      events.name,
      events.created_at,
      events.name = 'conversation_resolved' as is_resolution,
      -- Rows of before release 2.4 have no times of their own.
      case
        when isfinite(events.event_end_time) then events.event_end_time
        when isfinite(events.created_at) then events.created_at
      end as ended_at,
      case when events.value between -9e15 and 9e15 then floor(events.value)::bigint end as seconds,
      case
        when events.value_in_business_hours between -9e15 and 9e15 then floor(events.value_in_business_hours)::bigint
      end as business_seconds,
      entry
    from reporting_events events
    cross join lateral (
      select
        events.id,
        events.name,
        events.value,
        events.value_in_business_hours,
        events.event_start_time,
        events.event_end_time,
        events.created_at,
        events.user_id,
        events.inbox_id
    ) entry
    where events.conversation_id = c.id
    order by events.created_at, events.id
  ) event
) e on :reads_reporting_events
-- The first and the last resolution, of several by when they ended; the arrays are in order of created_at, and one without a time is the last.
cross join lateral (
  select
    e.resolution_seconds[at.first] as first_resolution,
    e.resolution_business_seconds[at.first] as first_resolution_business,
    e.resolution_seconds[at.last] as last_resolution,
    e.resolution_business_seconds[at.last] as last_resolution_business
  from (
    select
      case when e.resolutions > 1 then array_position(e.resolution_ends, e.first_resolved_at) else 1 end as first,
      case
        when e.resolutions > 1 then (
          select max(place)
          from unnest(
            array_positions(
              e.resolution_ends,
              case when array_position(e.resolution_ends, null) is null then e.resolved_at end
            )
          ) as place
        )
        else 1
      end as last
    offset 0
  ) at
  offset 0
) solved
