-- Edits, soft deletes, delivery and reading of messages, however old. Those created at or after :before the runs since the last such scan have
-- looked for by the index on created_at; see changed-conversations.sql.
select distinct conversation_id::integer::text as id
from messages
where updated_at >= :since::timestamp
  and (created_at >= :before::timestamp) is not true
