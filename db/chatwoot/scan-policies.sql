-- Service levels applied, missed or met.
select distinct conversation_id::integer::text as id
from applied_slas
where updated_at >= :since::timestamp
