-- The cards of Chatwoot's report page; times are seconds.
-- Chart: table. Columns: conversations_count, incoming_messages_count, outgoing_messages_count, resolutions_count, avg_first_response_time, avg_resolution_time, reply_time, bot_resolutions_count, bot_handoffs_count.
select
  c.conversations_count,
  c.incoming_messages_count,
  c.outgoing_messages_count,
  c.resolutions_count,
  c.avg_first_response_time,
  c.avg_resolution_time,
  c.reply_time,
  c.bot_resolutions_count,
  c.bot_handoffs_count
from chatwoot_zone({{account}}) z (zone)
cross join lateral (
  select
    {{since}}::date::timestamp at time zone z.zone as since,
    ({{until}}::date::timestamp + interval '1 day - 1 second') at time zone z.zone as until
) r
cross join lateral chatwoot_report({{account}}, r.since, r.until, business_hours => false [[or {{business_hours}} = 'on']]) c
