-- The table of labels; times are seconds.
-- Chart: table. Columns: label, conversations_count, resolved_conversations_count, avg_first_response_time, avg_resolution_time, avg_reply_time.
select
  c.label,
  c.conversations_count,
  c.resolved_conversations_count,
  c.avg_first_response_time,
  c.avg_resolution_time,
  c.avg_reply_time
from chatwoot_zone({{account}}) z (zone)
cross join lateral (
  select
    {{since}}::date::timestamp at time zone z.zone as since,
    ({{until}}::date::timestamp + interval '1 day - 1 second') at time zone z.zone as until
) r
cross join lateral chatwoot_label_summary({{account}}, r.since, r.until, business_hours => false [[or {{business_hours}} = 'on']]) c
order by c.conversations_count desc
