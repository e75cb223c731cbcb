-- Edits, soft deletes, delivery and reading of any message, however old.
select distinct conversation_id::integer::text as id
from messages
where updated_at >= :since::timestamp
