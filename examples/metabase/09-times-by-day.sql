-- Mean times by day, in seconds.
-- Chart: line. Columns: day, avg_first_response_time, avg_resolution_time, reply_time.
select
  f.bucket::date as day,
  f.value as avg_first_response_time,
  s.value as avg_resolution_time,
  w.value as reply_time
from chatwoot_zone({{account}}) z (zone)
cross join lateral (
  select
    {{since}}::date::timestamp at time zone z.zone as since,
    ({{until}}::date::timestamp + interval '1 day - 1 second') at time zone z.zone as until
) r
cross join lateral chatwoot_series(
  {{account}}, 'avg_first_response_time', r.since, r.until, 'day', z.zone, business_hours => false [[or {{business_hours}} = 'on']]
) f
join lateral chatwoot_series(
  {{account}}, 'avg_resolution_time', r.since, r.until, 'day', z.zone, business_hours => false [[or {{business_hours}} = 'on']]
) s on s.bucket = f.bucket
join lateral chatwoot_series(
  {{account}}, 'reply_time', r.since, r.until, 'day', z.zone, business_hours => false [[or {{business_hours}} = 'on']]
) w on w.bucket = f.bucket
order by 1
