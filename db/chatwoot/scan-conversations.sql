-- Status, assignment, labels, priority, attributes, merges.
select id::integer::text as id
from conversations
where updated_at >= :since::timestamp
