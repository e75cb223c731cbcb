-- Service levels of the Enterprise edition; the rate is a percent.
-- Chart: table. Columns: hit_rate, missed_count, applied_count.
select
  s.hit_rate,
  s.missed_count,
  s.applied_count
from chatwoot_zone({{account}}) z (zone)
cross join lateral (
  select
    {{since}}::date::timestamp at time zone z.zone as since,
    ({{until}}::date::timestamp + interval '1 day - 1 second') at time zone z.zone as until
) r
cross join lateral chatwoot_sla_report({{account}}, r.since, r.until) s
