-- Conversations by weekday and hour of their start, in calendar_timezone.
-- Chart: pivot table. Columns: weekday, hour, conversations.
select
  c.conversation_day_of_week as weekday,
  c.conversation_hour as hour,
  count(*) as conversations
from vw_conversas_analytics c
where c.account_id = {{account}}
  and c.conversation_date between {{since}}::date and {{until}}::date
group by 1, 2
order by 1, 2
