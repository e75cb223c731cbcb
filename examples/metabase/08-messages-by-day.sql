-- Messages by day.
-- Chart: bar. Columns: day, incoming_messages_count, outgoing_messages_count.
select
  i.bucket::date as day,
  i.value as incoming_messages_count,
  o.value as outgoing_messages_count
from chatwoot_zone({{account}}) z (zone)
cross join lateral (
  select
    {{since}}::date::timestamp at time zone z.zone as since,
    ({{until}}::date::timestamp + interval '1 day - 1 second') at time zone z.zone as until
) r
cross join lateral chatwoot_series(
  {{account}}, 'incoming_messages_count', r.since, r.until, 'day', z.zone, business_hours => false [[or {{business_hours}} = 'on']]
) i
join lateral chatwoot_series(
  {{account}}, 'outgoing_messages_count', r.since, r.until, 'day', z.zone, business_hours => false [[or {{business_hours}} = 'on']]
) o on o.bucket = i.bucket
order by 1
