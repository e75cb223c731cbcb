-- The comments said "the begin" where English says "the start".

-- migrate:up
comment on column conversas_analytics.conversation_created_at is 'Start of the conversation, UTC.';
comment on column etl_control.started_at is 'Start of the run.';
comment on column etl_verification.started_at is 'Start of the comparison.';
comment on column conversas_analytics.first_response_time_seconds is 'From the start to the first human reply, whole seconds.';
comment on column conversas_analytics.conversation_duration_seconds is 'From the start to the last activity, whole seconds.';
comment on column conversas_analytics.conversation_date is 'Day of the start.';
comment on column conversas_analytics.conversation_year is 'Year of the start.';
comment on column conversas_analytics.conversation_month is 'Month of the start, 1 to 12.';
comment on column conversas_analytics.conversation_day is 'Day of the month of the start.';
comment on column conversas_analytics.conversation_hour is 'Hour of the start, 0 to 23.';
comment on column conversas_analytics.conversation_minute is 'Minute of the start.';
comment on column conversas_analytics.conversation_week_of_year is 'ISO week of the start.';
comment on column conversas_analytics.conversation_quarter is 'Quarter of the start.';
comment on column vw_conversas_analytics.days_since_creation is 'Days since the start, at the time of reading.';
comment on column etl_control.duration_seconds is 'From start to end.';
comment on column etl_verification.duration_seconds is 'From start to end.';

-- migrate:down
comment on column conversas_analytics.conversation_created_at is 'Begin of the conversation, UTC.';
comment on column etl_control.started_at is 'Begin of the run.';
comment on column etl_verification.started_at is 'Begin of the comparison.';
comment on column conversas_analytics.first_response_time_seconds is 'From the begin to the first human reply, whole seconds.';
comment on column conversas_analytics.conversation_duration_seconds is 'From the begin to the last activity, whole seconds.';
comment on column conversas_analytics.conversation_date is 'Day of the begin.';
comment on column conversas_analytics.conversation_year is 'Year of the begin.';
comment on column conversas_analytics.conversation_month is 'Month of the begin, 1 to 12.';
comment on column conversas_analytics.conversation_day is 'Day of the month of the begin.';
comment on column conversas_analytics.conversation_hour is 'Hour of the begin, 0 to 23.';
comment on column conversas_analytics.conversation_minute is 'Minute of the begin.';
comment on column conversas_analytics.conversation_week_of_year is 'ISO week of the begin.';
comment on column conversas_analytics.conversation_quarter is 'Quarter of the begin.';
comment on column vw_conversas_analytics.days_since_creation is 'Days since the begin, at the time of reading.';
comment on column etl_control.duration_seconds is 'From begin to end.';
comment on column etl_verification.duration_seconds is 'From begin to end.';
