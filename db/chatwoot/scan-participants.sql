-- Agents who take part.
select distinct conversation_id::integer::text as id
from conversation_participants
where created_at >= :since::timestamp
