-- The reports of bots, surveys and service level agreements, and the names of agents who are no assignee.

-- migrate:up
create or replace function chatwoot_names(account integer, "by" text)
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

    union all

    select
      c.conversation_id,
      a.id,
      a.name
    from conversas_analytics c
    cross join lateral unnest(c.agent_ids, c.agents) a (id, name)
    where chatwoot_names."by" = 'agent'
      and c.account_id = chatwoot_names.account
      and c.deleted_at is null
  ) n
  where n.id is not null
    and n.name is not null
  group by n.id
$$;

create function chatwoot_bots(account integer)
returns boolean
language sql
stable
as $$
  select coalesce(bool_and(c.inbox_has_bot is not null), true)
  from conversas_analytics c
  where c.account_id = chatwoot_bots.account
    and c.deleted_at is null
    and c.inbox_name is not null
$$;

comment on function chatwoot_bots(integer) is 'Whether the rows of an account say which inboxes have a bot; needs rights on tables that the first releases did not read.';

create function chatwoot_bot_report(account integer, since timestamptz, until timestamptz)
returns table (
  conversation_count bigint,
  message_count bigint,
  resolution_rate integer,
  handoff_rate integer,
  bot_resolutions_count bigint,
  bot_handoffs_count bigint
)
language sql
stable
as $$
  with
    conversations as (
      select c.conversation_id
      from conversas_analytics c
      where c.account_id = chatwoot_bot_report.account
        and c.deleted_at is null
        and c.inbox_has_bot
        and c.conversation_created_at >= chatwoot_bot_report.since at time zone 'UTC'
        and c.conversation_created_at < chatwoot_bot_report.until at time zone 'UTC'
    ),
    counted as (
      select
        count(*) filter (where c.metric = 'bot_resolutions_count') as resolutions,
        count(distinct c.conversation_id) filter (where c.metric = 'bot_resolutions_count') as resolved,
        count(distinct c.conversation_id) filter (where c.metric = 'bot_handoffs_count') as handed_over,
        count(*) filter (
          where c.metric = 'outgoing_messages_count'
            and c.conversation_id in (select conversation_id from conversations)
        ) as messages
      from chatwoot_counted(chatwoot_bot_report.account, chatwoot_bot_report.since, chatwoot_bot_report.until) c
    ),
    total as (
      select count(*) as conversations
      from conversations
    )
  select
    case when b.is_known then t.conversations end,
    case when b.is_known and p.has_messages then c.messages end,
    case when b.is_known and p.has_events and p.has_bot_events then coalesce(trunc(c.resolved::double precision / nullif(t.conversations, 0) * 100)::integer, 0) end,
    case when b.is_known and p.has_events then coalesce(trunc(c.handed_over::double precision / nullif(t.conversations, 0) * 100)::integer, 0) end,
    case when p.has_events and p.has_bot_events then c.resolutions end,
    case when p.has_events then c.handed_over end
  from chatwoot_parts(chatwoot_bot_report.account) p
  cross join chatwoot_bots(chatwoot_bot_report.account) b (is_known)
  cross join total t
  cross join counted c
$$;

comment on function chatwoot_bot_report(integer, timestamptz, timestamptz) is 'The bot report of Chatwoot 4.14. Conversations are those created in the range in inboxes that have an active bot now; rates are whole percents and may be over 100, as there. Not equal where Captain''s quota is used up: Chatwoot then takes its inboxes for inboxes without a bot.';

create function chatwoot_csat_report(
  account integer,
  since timestamptz,
  until timestamptz,
  agent integer default null,
  inbox integer default null,
  team integer default null,
  rating integer default null
)
returns table (
  responses_count bigint,
  rating_1 bigint,
  rating_2 bigint,
  rating_3 bigint,
  rating_4 bigint,
  rating_5 bigint,
  satisfaction_score numeric,
  surveys_sent_count bigint,
  response_rate numeric
)
language sql
stable
as $$
  with
    responses as (
      select
        count(*) as responses,
        count(*) filter (where r.rating = 1) as one,
        count(*) filter (where r.rating = 2) as two,
        count(*) filter (where r.rating = 3) as three,
        count(*) filter (where r.rating = 4) as four,
        count(*) filter (where r.rating = 5) as five
      from conversas_analytics c
      cross join lateral jsonb_to_recordset(c.csat_responses) r (rating integer, created_at timestamp, assigned_agent_id integer)
      where c.account_id = chatwoot_csat_report.account
        and c.deleted_at is null
        and r.created_at >= chatwoot_csat_report.since at time zone 'UTC'
        and r.created_at < chatwoot_csat_report.until at time zone 'UTC'
        and (chatwoot_csat_report.agent is null or r.assigned_agent_id = chatwoot_csat_report.agent)
        and (chatwoot_csat_report.inbox is null or c.inbox_id = chatwoot_csat_report.inbox)
        and (chatwoot_csat_report.team is null or c.team_id = chatwoot_csat_report.team)
        and (chatwoot_csat_report.rating is null or r.rating = chatwoot_csat_report.rating)
    ),
    sent as (
      select count(*) as surveys
      from conversas_analytics c
      cross join lateral unnest(c.csat_sent_at) s (at)
      where c.account_id = chatwoot_csat_report.account
        and c.deleted_at is null
        and s.at >= chatwoot_csat_report.since at time zone 'UTC'
        and s.at < chatwoot_csat_report.until at time zone 'UTC'
    )
  select
    r.responses,
    r.one,
    r.two,
    r.three,
    r.four,
    r.five,
    coalesce(round((r.four + r.five) * 100.0 / nullif(r.responses, 0), 2), 0),
    s.surveys,
    case when r.responses = 0 then 0 else round(r.responses * 100.0 / nullif(s.surveys, 0), 2) end
  from responses r
  cross join sent s
  where not exists (
    select
    from conversas_analytics c
    where c.account_id = chatwoot_csat_report.account
      and c.deleted_at is null
      and c.has_csat
      and c.csat_responses is null
  )
$$;

comment on function chatwoot_csat_report(integer, timestamptz, timestamptz, integer, integer, integer, integer) is 'The CSAT report of Chatwoot: answers by the time of the first rating, by the agent, inbox, team or rating that are named; the score is the share of ratings 4 and 5 in percent. As there, response_rate divides by all surveys that were sent in the range, whatever is filtered, and is NULL where none was. No row where the answers are not in the table.';

create function chatwoot_sla_report(
  account integer,
  since timestamptz,
  until timestamptz,
  agent integer default null,
  inbox integer default null,
  team integer default null,
  label text default null,
  policy integer default null
)
returns table (applied_count bigint, missed_count bigint, hit_rate numeric)
language sql
stable
as $$
  select
    s.applied,
    s.missed,
    coalesce(round((s.applied - s.missed) * 100.0 / nullif(s.applied, 0), 2), 100)
  from (
    select
      count(*) as applied,
      count(*) filter (where c.sla_status in (2, 3)) as missed
    from conversas_analytics c
    where c.account_id = chatwoot_sla_report.account
      and c.deleted_at is null
      and c.sla_applied_at >= chatwoot_sla_report.since at time zone 'UTC'
      and c.sla_applied_at < chatwoot_sla_report.until at time zone 'UTC'
      and (chatwoot_sla_report.agent is null or c.assignee_id = chatwoot_sla_report.agent)
      and (chatwoot_sla_report.inbox is null or c.inbox_id = chatwoot_sla_report.inbox)
      and (chatwoot_sla_report.team is null or c.team_id = chatwoot_sla_report.team)
      and (chatwoot_sla_report.policy is null or c.sla_policy_id = chatwoot_sla_report.policy)
      and (
        chatwoot_sla_report.label is null
        or array_to_string(c.labels, ', ') like '%' || chatwoot_sla_report.label || '%'
      )
  ) s
  where not exists (
    select
    from conversas_analytics c
    where c.account_id = chatwoot_sla_report.account
      and c.deleted_at is null
      and c.is_sla_missed is null
  )
$$;

comment on function chatwoot_sla_report(integer, timestamptz, timestamptz, integer, integer, integer, text, integer) is 'The SLA report of Chatwoot Enterprise: agreements applied in the range, by the conversation''s agent, inbox, team, label and policy now. As there, those that are still running count as kept, a label matches as a part of another one, and no agreement at all is 100 percent. No row where agreements are not in the table.';

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
      and p.proname in ('chatwoot_names', 'chatwoot_bots', 'chatwoot_bot_report', 'chatwoot_csat_report', 'chatwoot_sla_report')
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
drop function chatwoot_sla_report(integer, timestamptz, timestamptz, integer, integer, integer, text, integer);
drop function chatwoot_csat_report(integer, timestamptz, timestamptz, integer, integer, integer, integer);
drop function chatwoot_bot_report(integer, timestamptz, timestamptz);
drop function chatwoot_bots(integer);
create or replace function chatwoot_names(account integer, "by" text)
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
      and p.proname = 'chatwoot_names'
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
