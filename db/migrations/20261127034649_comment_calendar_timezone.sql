-- Chatwoot can name one time zone for the reports of an account, which comes before those of its inboxes.

-- note: calendar_timezone and the calendar columns take the time zone in which an account reports in Chatwoot, where one is set, before that of the inbox.

-- migrate:up
comment on column conversas_analytics.calendar_timezone is 'Time zone of the calendar columns: the option timeZone, else that in which the account reports in Chatwoot, else the inbox''s own, where both servers know it, else UTC.';

-- migrate:down
comment on column conversas_analytics.calendar_timezone is 'Time zone of the calendar columns: the option timeZone, else the inbox''s own where both servers know it, else UTC.';
