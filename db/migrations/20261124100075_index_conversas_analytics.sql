-- The columns by which dashboards filter. Those of the Python pipeline stay beside them.

-- migrate:up
create index conversas_analytics_created_at_idx on conversas_analytics (conversation_created_at);
create index conversas_analytics_updated_at_idx on conversas_analytics (conversation_updated_at);
create index conversas_analytics_date_idx on conversas_analytics (conversation_date);
create index conversas_analytics_account_idx on conversas_analytics (account_id, conversation_date);
create index conversas_analytics_inbox_idx on conversas_analytics (inbox_id, conversation_date);
create index conversas_analytics_assignee_idx on conversas_analytics (assignee_id, conversation_date);
create index conversas_analytics_team_idx on conversas_analytics (team_id, conversation_date);
create index conversas_analytics_contact_idx on conversas_analytics (contact_id);
create index conversas_analytics_status_idx on conversas_analytics (status);
create index conversas_analytics_deleted_idx on conversas_analytics (deleted_at) where deleted_at is not null;

-- migrate:down
drop index conversas_analytics_created_at_idx;
drop index conversas_analytics_updated_at_idx;
drop index conversas_analytics_date_idx;
drop index conversas_analytics_account_idx;
drop index conversas_analytics_inbox_idx;
drop index conversas_analytics_assignee_idx;
drop index conversas_analytics_team_idx;
drop index conversas_analytics_contact_idx;
drop index conversas_analytics_status_idx;
drop index conversas_analytics_deleted_idx;
