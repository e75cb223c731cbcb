-- Mean first response of each agent by month, in seconds: sums divided by counts, never means of means.
-- Chart: line. Columns: month, name, seconds.
select
  date_trunc('month', d.day)::date as month,
  n.name,
  sum(d.first_response_seconds) / sum(d.first_response_count) as seconds
from vw_chatwoot_daily d
join chatwoot_names({{account}}, 'agent') n on n.id = d.agent_id
where d.account_id = {{account}}
  and d.day between {{since}}::date and {{until}}::date
group by 1, 2
having sum(d.first_response_count) > 0
order by 1, 2
