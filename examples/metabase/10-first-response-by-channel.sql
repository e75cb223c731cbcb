-- Conversations by the time that the first response took.
-- Chart: bar. Columns: channel_type, under_1_hour, from_1_to_4_hours, from_4_to_8_hours, from_8_to_24_hours, from_24_hours.
select
  d.channel_type,
  d.under_1_hour,
  d.from_1_to_4_hours,
  d.from_4_to_8_hours,
  d.from_8_to_24_hours,
  d.from_24_hours
from chatwoot_zone({{account}}) z (zone)
cross join lateral (
  select
    {{since}}::date::timestamp at time zone z.zone as since,
    ({{until}}::date::timestamp + interval '1 day - 1 second') at time zone z.zone as until
) r
cross join lateral chatwoot_first_response_distribution({{account}}, r.since, r.until) d
