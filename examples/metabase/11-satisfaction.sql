-- Answers to the survey; score and rate are percents.
-- Chart: table. Columns: satisfaction_score, response_rate, responses_count, surveys_sent_count, rating_1, rating_2, rating_3, rating_4, rating_5.
select
  c.satisfaction_score,
  c.response_rate,
  c.responses_count,
  c.surveys_sent_count,
  c.rating_1,
  c.rating_2,
  c.rating_3,
  c.rating_4,
  c.rating_5
from chatwoot_zone({{account}}) z (zone)
cross join lateral (
  select
    {{since}}::date::timestamp at time zone z.zone as since,
    ({{until}}::date::timestamp + interval '1 day - 1 second') at time zone z.zone as until
) r
cross join lateral chatwoot_csat_report({{account}}, r.since, r.until) c
