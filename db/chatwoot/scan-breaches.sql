-- What became of a service level.
select distinct conversation_id::integer::text as id
from sla_events
where created_at >= :since::timestamp
