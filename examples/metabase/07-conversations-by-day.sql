-- Conversations and resolutions by day.
-- Chart: bar. Columns: day, conversations_count, resolutions_count.
select
  c.bucket::date as day,
  c.value as conversations_count,
  s.value as resolutions_count
from chatwoot_zone({{account}}) z (zone)
cross join lateral (
  select
    {{since}}::date::timestamp at time zone z.zone as since,
    ({{until}}::date::timestamp + interval '1 day - 1 second') at time zone z.zone as until
) r
cross join lateral chatwoot_series(
  {{account}}, 'conversations_count', r.since, r.until, 'day', z.zone, business_hours => false [[or {{business_hours}} = 'on']]
) c
join lateral chatwoot_series(
  {{account}}, 'resolutions_count', r.since, r.until, 'day', z.zone, business_hours => false [[or {{business_hours}} = 'on']]
) s on s.bucket = c.bucket
order by 1
