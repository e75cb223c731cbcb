-- What Chatwoot's own reports are made of: the rows of reporting_events, by the index on conversation_id. Nothing is distinct, as a row
-- that stands twice counts twice there. Values are whole seconds in a float; what is no number of seconds is kept in the list alone.
left join lateral (
  select
    coalesce(json_agg(event.entry)::jsonb, '[]') as list,
    (min(event.ended_at) filter (where event.is_resolution))::timestamp(6) as first_resolved_at,
    (max(event.ended_at) filter (where event.is_resolution))::timestamp(6) as resolved_at,
    max(event.ended_at) filter (where event.name = 'conversation_bot_resolved') as bot_resolved_at,
    (min(event.ended_at) filter (where event.name = 'conversation_bot_handoff'))::timestamp(6) as handoff_at,
    (count(*) filter (where event.is_resolution))::integer as resolutions,
    (count(distinct event.ended_at) filter (where event.is_resolution))::integer as times_resolved,
    (count(*) filter (where event.name = 'conversation_opened'))::integer as openings,
    (count(*) filter (where event.name = 'conversation_opened' and event.seconds > 0))::integer as reopenings,
    (count(*) filter (where event.name = 'conversation_bot_resolved'))::integer as bot_resolutions,
    (count(*) filter (where event.name = 'conversation_bot_handoff'))::integer as handoffs,
    (array_agg(event.seconds order by event.id) filter (where event.name = 'first_response'))[1] as first_response,
    (array_agg(event.business_seconds order by event.id) filter (where event.name = 'first_response'))[1] as first_response_business,
    (array_agg(event.seconds order by event.ended_at, event.created_at, event.id) filter (where event.is_resolution))[1] as first_resolution,
    (array_agg(event.business_seconds order by event.ended_at, event.created_at, event.id) filter (where event.is_resolution))[1]
      as first_resolution_business,
    (array_agg(event.seconds order by event.ended_at desc, event.created_at desc, event.id desc) filter (where event.is_resolution))[1]
      as last_resolution,
    (
      array_agg(event.business_seconds order by event.ended_at desc, event.created_at desc, event.id desc)
      filter (where event.is_resolution)
    )[1] as last_resolution_business,
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
