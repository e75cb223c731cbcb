-- The numbers of Chatwoot's own report pages, of the rows of conversas_analytics. Nothing is counted twice that Chatwoot counts once, and
-- nothing once that it counts twice: an event that a retried job has written again is two events there too.

-- note: New: the numbers of Chatwoot's report pages, by chatwoot-sync report and by the functions chatwoot_report, chatwoot_summary, chatwoot_series and others.

-- migrate:up
create view vw_chatwoot_events as
select
  c.account_id,
  c.conversation_id,
  c.team_id,
  c.labels,
  c.conversation_created_at,
  e.id as event_id,
  e.name,
  e.value,
  e.value_in_business_hours,
  e.event_start_time,
  e.event_end_time,
  e.created_at,
  e.user_id,
  e.inbox_id
from conversas_analytics c
cross join lateral jsonb_to_recordset(c.reporting_events) e (
  id bigint,
  name text,
  value double precision,
  value_in_business_hours double precision,
  event_start_time timestamp,
  event_end_time timestamp,
  created_at timestamp,
  user_id integer,
  inbox_id integer
)
where c.deleted_at is null;

comment on view vw_chatwoot_events is 'One row for each row of Chatwoot''s reporting_events whose conversation is here, duplicates too. Times are UTC, values whole seconds. Not here: events of conversations that Chatwoot no longer has.';
comment on column vw_chatwoot_events.created_at is 'When Chatwoot wrote the event: its reports count it on this day, not on that of event_end_time.';
comment on column vw_chatwoot_events.user_id is 'The agent of the event, who need not be the assignee of today.';
comment on column vw_chatwoot_events.team_id is 'The team of the conversation now, as in the reports.';
comment on column vw_chatwoot_events.labels is 'The labels of the conversation now, as in the reports.';

create view vw_chatwoot_messages as
select
  c.account_id,
  c.conversation_id,
  c.inbox_id,
  c.team_id,
  c.labels,
  c.conversation_created_at,
  c.mc_first_message_at,
  c.mc_last_message_at,
  m.message_id,
  m.sent_at,
  m.message_type,
  m.private,
  m.sender as sender_type,
  m.sender_id
from conversas_analytics c
cross join lateral jsonb_to_recordset(c.message_compiled) m (
  message_id bigint,
  sent_at timestamp,
  message_type integer,
  private boolean,
  sender text,
  sender_id bigint
)
where c.deleted_at is null;

comment on view vw_chatwoot_messages is 'One row for each message, without its text. Times are UTC. message_type: 0 incoming, 1 outgoing (private notes, bots, campaigns and deleted ones too), 2 activity, 3 template.';
comment on column vw_chatwoot_messages.mc_last_message_at is 'Of the conversation: a condition on it saves the reading of conversations that ended before a range.';

create function chatwoot_zone(account integer)
returns text
language sql
stable
as $$
  select coalesce(
    (
      select c.calendar_timezone
      from conversas_analytics c
      where c.account_id = chatwoot_zone.account
        and c.deleted_at is null
        and c.calendar_timezone <> 'UTC'
      group by c.calendar_timezone
      order by count(*) desc, c.calendar_timezone
      limit 1
    ),
    'UTC'
  )
$$;

comment on function chatwoot_zone(integer) is 'One time zone for an account, so that its days add up: the calendar_timezone that most of its conversations have, other than UTC. Chatwoot''s pages use the zone of the browser.';

create function chatwoot_parts(account integer)
returns table (has_messages boolean, has_events boolean, has_bot_events boolean)
language sql
stable
as $$
  select
    coalesce(bool_and(c.message_compiled is not null or c.t_messages = 0), true),
    coalesce(
      bool_and(
        c.resolutions_count is not null
        and (
          c.reporting_events is not null
          or c.resolutions_count + c.reply_time_count + coalesce(c.bot_resolutions_count, 0) = 0
          and c.chatwoot_first_response_seconds is null
          and c.bot_handoff_at is null
        )
      ),
      true
    ),
    coalesce(bool_and(c.bot_resolutions_count is not null), true)
  from conversas_analytics c
  where c.account_id = chatwoot_parts.account
    and c.deleted_at is null
$$;

comment on function chatwoot_parts(integer) is 'Which parts of the reports the rows of an account hold: a number of another part is NULL, never 0. A part is missing where Chatwoot''s release has no such table, its grant is missing or a column is left out.';

create function chatwoot_counted(
  account integer,
  since timestamptz,
  until timestamptz,
  scope text default 'account',
  id integer default null,
  label text default null,
  business_hours boolean default false
)
returns table (metric text, at timestamp, value double precision, conversation_id integer)
language sql
stable
as $$
  select
    'conversations_count',
    c.conversation_created_at,
    null::double precision,
    c.conversation_id
  from conversas_analytics c
  where c.account_id = chatwoot_counted.account
    and c.deleted_at is null
    and c.conversation_created_at >= chatwoot_counted.since at time zone 'UTC'
    and c.conversation_created_at < chatwoot_counted.until at time zone 'UTC'
    and case chatwoot_counted.scope
      when 'account' then true
      when 'inbox' then c.inbox_id = chatwoot_counted.id
      when 'agent' then c.assignee_id = chatwoot_counted.id
      when 'team' then c.team_id = chatwoot_counted.id
      when 'label' then chatwoot_counted.label = any(c.labels)
      else ('scope is account, inbox, agent, team or label, not ' || chatwoot_counted.scope)::boolean
    end

  union all

  select
    case m.message_type when 0 then 'incoming_messages_count' else 'outgoing_messages_count' end,
    m.sent_at,
    null,
    c.conversation_id
  from conversas_analytics c
  cross join lateral jsonb_to_recordset(c.message_compiled) m (sent_at timestamp, message_type integer, sender text, sender_id bigint)
  where c.account_id = chatwoot_counted.account
    and c.deleted_at is null
    and m.message_type in (0, 1)
    and m.sent_at >= chatwoot_counted.since at time zone 'UTC'
    and m.sent_at < chatwoot_counted.until at time zone 'UTC'
    and coalesce(c.mc_last_message_at >= chatwoot_counted.since at time zone 'UTC', true)
    and coalesce(c.mc_first_message_at < chatwoot_counted.until at time zone 'UTC', true)
    and case chatwoot_counted.scope
      when 'account' then true
      when 'inbox' then c.inbox_id = chatwoot_counted.id
      when 'agent' then m.sender = 'User' and m.sender_id = chatwoot_counted.id
      when 'team' then c.team_id = chatwoot_counted.id
      when 'label' then chatwoot_counted.label = any(c.labels)
    end

  union all

  select
    case e.name
      when 'first_response' then 'avg_first_response_time'
      when 'conversation_resolved' then 'avg_resolution_time'
      when 'reply_time' then 'reply_time'
      when 'conversation_bot_resolved' then 'bot_resolutions_count'
      else 'bot_handoffs_count'
    end,
    e.created_at,
    case when chatwoot_counted.business_hours then e.value_in_business_hours else e.value end,
    c.conversation_id
  from conversas_analytics c
  cross join lateral jsonb_to_recordset(c.reporting_events) e (
    name text,
    value double precision,
    value_in_business_hours double precision,
    created_at timestamp,
    user_id integer,
    inbox_id integer
  )
  where c.account_id = chatwoot_counted.account
    and c.deleted_at is null
    and e.name in (
      'first_response',
      'conversation_resolved',
      'reply_time',
      'conversation_bot_resolved',
      'conversation_bot_handoff'
    )
    and e.created_at >= chatwoot_counted.since at time zone 'UTC'
    and e.created_at < chatwoot_counted.until at time zone 'UTC'
    and case chatwoot_counted.scope
      when 'account' then true
      when 'inbox' then e.inbox_id = chatwoot_counted.id
      when 'agent' then e.user_id = chatwoot_counted.id
      when 'team' then c.team_id = chatwoot_counted.id
      when 'label' then chatwoot_counted.label = any(c.labels)
    end
    -- What a bot resolved counts only where it handed nothing over in the whole range, whoever the agent of that event is.
    and (
      e.name <> 'conversation_bot_resolved'
      or not exists (
        select
        from jsonb_to_recordset(c.reporting_events) h (name text, created_at timestamp)
        where h.name = 'conversation_bot_handoff'
          and h.created_at >= chatwoot_counted.since at time zone 'UTC'
          and h.created_at < chatwoot_counted.until at time zone 'UTC'
      )
    )
$$;

comment on function chatwoot_counted(integer, timestamptz, timestamptz, text, integer, text, boolean) is 'What the cards of Chatwoot''s report count, one row each, with the time by which it is in the range and its value in seconds; resolutions are the rows of avg_resolution_time. See chatwoot_report.';

create function chatwoot_report(
  account integer,
  since timestamptz,
  until timestamptz,
  scope text default 'account',
  id integer default null,
  label text default null,
  business_hours boolean default false
)
returns table (
  conversations_count bigint,
  incoming_messages_count bigint,
  outgoing_messages_count bigint,
  avg_first_response_time double precision,
  avg_resolution_time double precision,
  resolutions_count bigint,
  reply_time double precision,
  bot_resolutions_count bigint,
  bot_handoffs_count bigint
)
language sql
stable
as $$
  select
    count(*) filter (where c.metric = 'conversations_count'),
    case when p.has_messages then count(*) filter (where c.metric = 'incoming_messages_count') end,
    case when p.has_messages then count(*) filter (where c.metric = 'outgoing_messages_count') end,
    case when p.has_events then avg(c.value) filter (where c.metric = 'avg_first_response_time') end,
    case when p.has_events then avg(c.value) filter (where c.metric = 'avg_resolution_time') end,
    case when p.has_events then count(*) filter (where c.metric = 'avg_resolution_time') end,
    case when p.has_events then avg(c.value) filter (where c.metric = 'reply_time') end,
    case when p.has_events and p.has_bot_events then count(*) filter (where c.metric = 'bot_resolutions_count') end,
    case when p.has_events then count(distinct c.conversation_id) filter (where c.metric = 'bot_handoffs_count') end
  from chatwoot_parts(chatwoot_report.account) p
  left join chatwoot_counted(
    chatwoot_report.account,
    chatwoot_report.since,
    chatwoot_report.until,
    chatwoot_report.scope,
    chatwoot_report.id,
    chatwoot_report.label,
    chatwoot_report.business_hours
  ) c on true
  group by
    p.has_messages,
    p.has_events,
    p.has_bot_events
$$;

comment on function chatwoot_report(integer, timestamptz, timestamptz, text, integer, text, boolean) is 'The cards of Chatwoot''s report pages: Conversations, Agents, Inboxes, Teams and Labels, by scope (account, inbox, agent, team: id; label: label) from since up to but not including until. Equal to the page of 4.6 and later, bot resolutions to 4.14, where until is 23:59:59 of the last day, as the page sends it. Averages are seconds; with business_hours those within working hours. Not equal: Chatwoot also counts events of conversations that were deleted before 4.2.';

create function chatwoot_names(account integer, "by" text)
returns table (id integer, name text)
language sql
stable
as $$
  select
    n.id,
    (array_agg(n.name order by n.conversation_id desc))[1]
  from (
    select
      c.conversation_id,
      case chatwoot_names."by" when 'agent' then c.assignee_id when 'inbox' then c.inbox_id when 'team' then c.team_id end as id,
      case chatwoot_names."by" when 'agent' then c.assignee_name when 'inbox' then c.inbox_name when 'team' then c.team_name end as name
    from conversas_analytics c
    where c.account_id = chatwoot_names.account
      and c.deleted_at is null
  ) n
  where n.id is not null
    and n.name is not null
  group by n.id
$$;

comment on function chatwoot_names(integer, text) is 'The names of agents, inboxes or teams, as far as conversations of the account have them.';

create function chatwoot_summary(
  account integer,
  since timestamptz,
  until timestamptz,
  "by" text,
  business_hours boolean default false
)
returns table (
  id integer,
  name text,
  conversations_count bigint,
  resolved_conversations_count bigint,
  avg_resolution_time double precision,
  avg_first_response_time double precision,
  avg_reply_time double precision
)
language sql
stable
as $$
  with
    conversations as (
      select
        c.id,
        count(*) as conversations
      from (
        select
          case chatwoot_summary."by"
            when 'agent' then c.assignee_id
            when 'inbox' then c.inbox_id
            when 'team' then c.team_id
            else ('by is agent, inbox or team, not ' || chatwoot_summary."by")::integer
          end as id
        from conversas_analytics c
        where c.account_id = chatwoot_summary.account
          and c.deleted_at is null
          and c.conversation_created_at >= chatwoot_summary.since at time zone 'UTC'
          and c.conversation_created_at < chatwoot_summary.until at time zone 'UTC'
      ) c
      where c.id is not null
      group by c.id
    ),
    events as (
      select
        e.id,
        count(*) filter (where e.name = 'conversation_resolved') as resolutions,
        avg(e.value) filter (where e.name = 'conversation_resolved') as resolution,
        avg(e.value) filter (where e.name = 'first_response') as first_response,
        avg(e.value) filter (where e.name = 'reply_time') as reply
      from (
        select
          case chatwoot_summary."by" when 'agent' then e.user_id when 'inbox' then e.inbox_id when 'team' then c.team_id end as id,
          e.name,
          case when chatwoot_summary.business_hours then e.value_in_business_hours else e.value end as value
        from conversas_analytics c
        cross join lateral jsonb_to_recordset(c.reporting_events) e (
          name text,
          value double precision,
          value_in_business_hours double precision,
          created_at timestamp,
          user_id integer,
          inbox_id integer
        )
        where c.account_id = chatwoot_summary.account
          and c.deleted_at is null
          and e.created_at >= chatwoot_summary.since at time zone 'UTC'
          and e.created_at < chatwoot_summary.until at time zone 'UTC'
      ) e
      where e.id is not null
      group by e.id
    )
  select
    coalesce(c.id, e.id) as id,
    n.name,
    coalesce(c.conversations, 0),
    case when p.has_events then coalesce(e.resolutions, 0) end,
    case when p.has_events then e.resolution end,
    case when p.has_events then e.first_response end,
    case when p.has_events then e.reply end
  from conversations c
  full join events e on e.id = c.id
  left join chatwoot_names(chatwoot_summary.account, chatwoot_summary."by") n on n.id = coalesce(c.id, e.id)
  cross join chatwoot_parts(chatwoot_summary.account) p
  order by 1
$$;

comment on function chatwoot_summary(integer, timestamptz, timestamptz, text, boolean) is 'The tables of agents, inboxes and teams on Chatwoot''s report pages: by is agent, inbox or team. Equal to the page, where rows of agents, inboxes and teams without anything in the range follow as zeros. Events of no agent are in no row of an agent, as there, so rows need not add up to the account.';

create function chatwoot_label_summary(
  account integer,
  since timestamptz,
  until timestamptz,
  business_hours boolean default false
)
returns table (
  label text,
  conversations_count bigint,
  resolved_conversations_count bigint,
  avg_resolution_time double precision,
  avg_first_response_time double precision,
  avg_reply_time double precision
)
language sql
stable
as $$
  with
    conversations as (
      select
        l.label,
        count(*) filter (
          where c.conversation_created_at >= chatwoot_label_summary.since at time zone 'UTC'
            and c.conversation_created_at < chatwoot_label_summary.until at time zone 'UTC'
        ) as conversations
      from conversas_analytics c
      cross join lateral unnest(c.labels) l (label)
      where c.account_id = chatwoot_label_summary.account
        and c.deleted_at is null
      group by l.label
    ),
    events as (
      select
        l.label,
        count(*) filter (where e.name = 'conversation_resolved' and e.is_in_range) as resolutions,
        avg(e.value) filter (where e.name = 'conversation_resolved' and e.began_in_range) as resolution,
        avg(e.value) filter (where e.name = 'first_response' and e.began_in_range) as first_response,
        avg(e.value) filter (where e.name = 'reply_time' and e.began_in_range) as reply
      from (
        select
          c.labels,
          e.name,
          case when chatwoot_label_summary.business_hours then e.value_in_business_hours else e.value end as value,
          e.created_at >= chatwoot_label_summary.since at time zone 'UTC'
            and e.created_at < chatwoot_label_summary.until at time zone 'UTC' as is_in_range,
          c.conversation_created_at >= chatwoot_label_summary.since at time zone 'UTC'
            and c.conversation_created_at < chatwoot_label_summary.until at time zone 'UTC' as began_in_range
        from conversas_analytics c
        cross join lateral jsonb_to_recordset(c.reporting_events) e (
          name text,
          value double precision,
          value_in_business_hours double precision,
          created_at timestamp
        )
        where c.account_id = chatwoot_label_summary.account
          and c.deleted_at is null
      ) e
      cross join lateral unnest(e.labels) l (label)
      group by l.label
    )
  select
    c.label,
    c.conversations,
    case when p.has_events then coalesce(e.resolutions, 0) end,
    case when p.has_events then coalesce(e.resolution, 0) end,
    case when p.has_events then coalesce(e.first_response, 0) end,
    case when p.has_events then coalesce(e.reply, 0) end
  from conversations c
  left join events e on e.label = c.label
  cross join chatwoot_parts(chatwoot_label_summary.account) p
  order by c.label collate "C"
$$;

comment on function chatwoot_label_summary(integer, timestamptz, timestamptz, boolean) is 'The table of labels on Chatwoot''s report pages, as there: resolutions by the day of the event, averages over all events of the conversations that were created in the range. A conversation with two labels counts in both. Equal to the page of 4.6 and later, which also shows labels that no conversation has, and none that was removed from the settings.';

create function chatwoot_series(
  account integer,
  metric text,
  since timestamptz,
  until timestamptz,
  period text default 'day',
  zone text default null,
  business_hours boolean default false,
  scope text default 'account',
  id integer default null,
  label text default null
)
returns table (bucket timestamp, value double precision, count bigint)
language sql
stable
as $$
  with
    settings as (
      select
        coalesce(chatwoot_series.zone, (select z from chatwoot_zone(chatwoot_series.account) z)) as zone,
        case
          when chatwoot_series.metric = 'resolutions_count' then 'avg_resolution_time'
          when chatwoot_series.metric in (
            'conversations_count',
            'incoming_messages_count',
            'outgoing_messages_count',
            'avg_first_response_time',
            'avg_resolution_time',
            'reply_time',
            'bot_resolutions_count',
            'bot_handoffs_count'
          ) then chatwoot_series.metric
          else ('metric is one of the columns of chatwoot_report, not ' || chatwoot_series.metric)::integer::text
        end as counted
    ),
    moments as (
      -- Half hours find every hour of every zone, whatever its offset is, and half days every day.
      select
        m.at at time zone s.zone as local,
        null::double precision as value,
        null::integer as conversation_id
      from settings s
      cross join lateral generate_series(
        chatwoot_series.since,
        chatwoot_series.until - interval '1 microsecond',
        case chatwoot_series.period when 'hour' then interval '30 minutes' else interval '12 hours' end
      ) m (at)

      union all

      select
        (chatwoot_series.until - interval '1 microsecond') at time zone s.zone,
        null,
        null
      from settings s
      where chatwoot_series.until > chatwoot_series.since

      union all

      select
        c.at at time zone 'UTC' at time zone s.zone,
        c.value,
        c.conversation_id
      from settings s
      cross join chatwoot_counted(
        chatwoot_series.account,
        chatwoot_series.since,
        chatwoot_series.until,
        chatwoot_series.scope,
        chatwoot_series.id,
        chatwoot_series.label,
        chatwoot_series.business_hours
      ) c
      where c.metric = s.counted
    ),
    buckets as (
      select
        case
          when chatwoot_series.period = 'week' then date_trunc('day', m.local) - extract(dow from m.local)::integer * interval '1 day'
          when chatwoot_series.period in ('hour', 'day', 'month', 'year') then date_trunc(chatwoot_series.period, m.local)
          else ('period is hour, day, week, month or year, not ' || chatwoot_series.period)::timestamp
        end as bucket,
        case
          when chatwoot_series.metric = 'bot_handoffs_count' then count(distinct m.conversation_id)
          else count(m.conversation_id)
        end as count,
        avg(m.value) as average
      from moments m
      group by 1
    )
  select
    b.bucket,
    case
      when chatwoot_series.metric = 'conversations_count' then b.count
      when chatwoot_series.metric in ('incoming_messages_count', 'outgoing_messages_count') then case when p.has_messages then b.count end
      when not p.has_events then null
      when chatwoot_series.metric = 'bot_resolutions_count' and not p.has_bot_events then null
      when chatwoot_series.metric like '%\_count' then b.count
      else b.average
    end,
    b.count
  from buckets b
  cross join chatwoot_parts(chatwoot_series.account) p
  order by b.bucket
$$;

comment on function chatwoot_series(integer, text, timestamptz, timestamptz, text, text, boolean, text, integer, text) is 'A metric of chatwoot_report by hour, day, week (from Sunday), month or year, every bucket of the range. bucket is local time of zone, by default that of chatwoot_zone. Chatwoot''s charts use a zone that it derives from the present offset of the browser, in Brazil America/Halifax or America/Santiago: with that zone the buckets are equal. It draws 0 where an average is NULL, and leaves out the first bucket where that began before the range.';

create function chatwoot_live(account integer, team integer default null, "by" text default null)
returns table (
  id integer,
  name text,
  open_count bigint,
  unattended_count bigint,
  unassigned_count bigint,
  pending_count bigint
)
language sql
stable
as $$
  select
    g.id,
    max(g.name),
    count(*) filter (where g.status = 0),
    count(*) filter (where g.status = 0 and (g.first_reply_created_at is null or g.waiting_since is not null)),
    count(*) filter (where g.status = 0 and g.assignee_id is null),
    count(*) filter (where g.status = 2)
  from (
    select
      c.status,
      c.first_reply_created_at,
      c.waiting_since,
      c.assignee_id,
      case chatwoot_live."by"
        when 'agent' then c.assignee_id
        when 'team' then c.team_id
        else (chatwoot_live."by" || ' is not agent or team, by which chatwoot_live groups')::integer
      end as id,
      case chatwoot_live."by" when 'agent' then c.assignee_name when 'team' then c.team_name end as name
    from conversas_analytics c
    where c.account_id = chatwoot_live.account
      and c.deleted_at is null
      and c.status in (0, 2)
      and (chatwoot_live.team is null or c.team_id = chatwoot_live.team)
  ) g
  where chatwoot_live."by" is null
    or g.id is not null
  group by g.id
  order by g.id
$$;

comment on function chatwoot_live(integer, integer, text) is 'The overview of Chatwoot as of the last run: open, unattended, unassigned and pending conversations of an account, of one team, or by agent or team. Whether agents are online is in no database.';

create function chatwoot_first_response_distribution(account integer, since timestamptz, until timestamptz)
returns table (
  channel_type text,
  under_1_hour bigint,
  from_1_to_4_hours bigint,
  from_4_to_8_hours bigint,
  from_8_to_24_hours bigint,
  from_24_hours bigint
)
language sql
stable
as $$
  select
    i.channel_type,
    count(*) filter (where e.value < 3600),
    count(*) filter (where e.value >= 3600 and e.value < 14400),
    count(*) filter (where e.value >= 14400 and e.value < 28800),
    count(*) filter (where e.value >= 28800 and e.value < 86400),
    count(*) filter (where e.value >= 86400)
  from conversas_analytics c
  cross join lateral jsonb_to_recordset(c.reporting_events) e (
    name text,
    value double precision,
    created_at timestamp,
    inbox_id integer
  )
  join (
    select
      c.inbox_id,
      max(c.inbox_channel_type) as channel_type
    from conversas_analytics c
    where c.account_id = chatwoot_first_response_distribution.account
      and c.deleted_at is null
    group by c.inbox_id
  ) i on i.inbox_id = e.inbox_id
  where c.account_id = chatwoot_first_response_distribution.account
    and c.deleted_at is null
    and e.name = 'first_response'
    and e.created_at >= chatwoot_first_response_distribution.since at time zone 'UTC'
    and e.created_at < chatwoot_first_response_distribution.until at time zone 'UTC'
    and i.channel_type is not null
  group by i.channel_type
  order by i.channel_type
$$;

comment on function chatwoot_first_response_distribution(integer, timestamptz, timestamptz) is 'How long customers waited for the first response, by type of channel, as the API of Chatwoot 4.11 and later returns it. Never by business hours.';

create view vw_chatwoot_daily as
with
  zones as materialized (
    select distinct on (c.account_id)
      c.account_id,
      coalesce(nullif(c.calendar_timezone, ''), 'UTC') as zone
    from conversas_analytics c
    where c.deleted_at is null
    group by c.account_id, c.calendar_timezone
    order by c.account_id, (c.calendar_timezone <> 'UTC') desc nulls last, count(*) desc, c.calendar_timezone
  ),
  counted as (
    select
      c.account_id,
      c.inbox_id,
      c.assignee_id as agent_id,
      c.conversation_created_at as at,
      'conversation' as metric,
      null::double precision as value,
      null::double precision as business,
      c.conversation_id
    from conversas_analytics c
    where c.deleted_at is null

    union all

    select
      m.account_id,
      m.inbox_id,
      case when m.sender_type = 'User' then m.sender_id end,
      m.sent_at,
      case m.message_type when 0 then 'incoming' else 'outgoing' end,
      null,
      null,
      m.conversation_id
    from vw_chatwoot_messages m
    where m.message_type in (0, 1)

    union all

    select
      e.account_id,
      e.inbox_id,
      e.user_id,
      e.created_at,
      e.name,
      e.value,
      e.value_in_business_hours,
      e.conversation_id
    from vw_chatwoot_events e
    where e.name in (
      'first_response',
      'conversation_resolved',
      'reply_time',
      'conversation_bot_resolved',
      'conversation_bot_handoff'
    )
  )
select
  c.account_id,
  c.inbox_id,
  c.agent_id,
  (c.at at time zone 'UTC' at time zone z.zone)::date as day,
  count(*) filter (where c.metric = 'conversation') as conversations_count,
  count(*) filter (where c.metric = 'incoming') as incoming_messages_count,
  count(*) filter (where c.metric = 'outgoing') as outgoing_messages_count,
  count(*) filter (where c.metric = 'first_response') as first_response_count,
  sum(c.value) filter (where c.metric = 'first_response') as first_response_seconds,
  sum(c.business) filter (where c.metric = 'first_response') as first_response_business_seconds,
  count(*) filter (where c.metric = 'conversation_resolved') as resolutions_count,
  sum(c.value) filter (where c.metric = 'conversation_resolved') as resolution_seconds,
  sum(c.business) filter (where c.metric = 'conversation_resolved') as resolution_business_seconds,
  count(*) filter (where c.metric = 'reply_time') as reply_count,
  sum(c.value) filter (where c.metric = 'reply_time') as reply_seconds,
  sum(c.business) filter (where c.metric = 'reply_time') as reply_business_seconds,
  count(*) filter (where c.metric = 'conversation_bot_resolved') as bot_resolved_events,
  count(distinct c.conversation_id) filter (where c.metric = 'conversation_bot_handoff') as bot_handoffs_count
from counted c
join zones z on z.account_id = c.account_id
where c.at is not null
group by
  c.account_id,
  c.inbox_id,
  c.agent_id,
  (c.at at time zone 'UTC' at time zone z.zone)::date;

comment on view vw_chatwoot_daily is 'Counts and sums by account, inbox, agent and day of the zone of chatwoot_zone, for dashboards without parameters: a mean over days is the sum of the seconds divided by the sum of the count. Agents are the assignee of a conversation, the sender of a message and the user of an event, as in the reports. Reads every message and event of the table.';
comment on column vw_chatwoot_daily.bot_resolved_events is 'Events, also of conversations that the bot handed over: the rule of chatwoot_report holds for a whole range and does not add up from days.';
comment on column vw_chatwoot_daily.bot_handoffs_count is 'Conversations of the day; a conversation is handed over once in its life.';

-- Functions run under the search path of whoever calls them: so ours name the schema of every table and function, and have a path of their own.
do $$
declare
  own record;
begin
  for own in
    select
      p.oid::regprocedure as signature,
      quote_ident(n.nspname) as schema,
      pg_get_functiondef(p.oid) as definition
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = current_schema()
      and p.proname in (
        'chatwoot_zone',
        'chatwoot_parts',
        'chatwoot_counted',
        'chatwoot_report',
        'chatwoot_names',
        'chatwoot_summary',
        'chatwoot_label_summary',
        'chatwoot_series',
        'chatwoot_live',
        'chatwoot_first_response_distribution'
      )
  loop
    execute regexp_replace(
      own.definition,
      e'\\m(from|join) (conversas_analytics|chatwoot_[a-z_]+\\()',
      e'\\1 ' || replace(own.schema, e'\\', e'\\\\') || e'.\\2',
      'g'
    );
    execute format('alter function %s set search_path = pg_catalog, pg_temp', own.signature);
  end loop;
end
$$;

-- migrate:down
drop view vw_chatwoot_daily;
drop function chatwoot_first_response_distribution(integer, timestamptz, timestamptz);
drop function chatwoot_live(integer, integer, text);
drop function chatwoot_series(integer, text, timestamptz, timestamptz, text, text, boolean, text, integer, text);
drop function chatwoot_label_summary(integer, timestamptz, timestamptz, boolean);
drop function chatwoot_summary(integer, timestamptz, timestamptz, text, boolean);
drop function chatwoot_names(integer, text);
drop function chatwoot_report(integer, timestamptz, timestamptz, text, integer, text, boolean);
drop function chatwoot_counted(integer, timestamptz, timestamptz, text, integer, text, boolean);
drop function chatwoot_parts(integer);
drop function chatwoot_zone(integer);
drop view vw_chatwoot_messages;
drop view vw_chatwoot_events;
