-- Bots; rates are percents.
-- Chart: table. Columns: conversation_count, message_count, resolution_rate, handoff_rate, bot_resolutions_count, bot_handoffs_count.
select
  b.conversation_count,
  b.message_count,
  b.resolution_rate,
  b.handoff_rate,
  b.bot_resolutions_count,
  b.bot_handoffs_count
from chatwoot_zone({{account}}) z (zone)
cross join lateral (
  select
    {{since}}::date::timestamp at time zone z.zone as since,
    ({{until}}::date::timestamp + interval '1 day - 1 second') at time zone z.zone as until
) r
cross join lateral chatwoot_bot_report({{account}}, r.since, r.until) b
