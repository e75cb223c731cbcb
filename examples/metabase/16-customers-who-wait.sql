-- Open conversations whose customer waits, the longest first.
-- Chart: table. Columns: display_id, inbox_name, assignee_name, waiting_time_seconds, conversation_url.
select
  c.display_id,
  c.inbox_name,
  c.assignee_name,
  c.waiting_time_seconds,
  c.conversation_url
from vw_conversas_analytics c
where c.account_id = {{account}}
  and c.is_open
  and c.is_waiting
order by c.waiting_time_seconds desc
limit 50
