-- Answers to the survey, new or changed.
select distinct conversation_id::integer::text as id
from csat_survey_responses
where updated_at >= :since::timestamp
