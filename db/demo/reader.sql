-- A role that can only read, and no secrets of agents, bots, integrations or contacts' sessions. Its name and password are the settings demo.user and
-- demo.password.

do $$
declare
  reader text := current_setting('demo.user');
begin
  -- Roles belong to the whole server: another session may be making the same one for its own database.
  lock table pg_catalog.pg_authid in share row exclusive mode;
  if not exists (select from pg_catalog.pg_roles where rolname = reader) then
    execute format('create role %I', reader);
  end if;
  execute format('alter role %I login password %L', reader, current_setting('demo.password'));

  -- By default everyone may create temporary tables, and before release 15 tables too.
  execute format('revoke create, temporary on database %I from public', current_database());
  revoke create on schema public from public;

  execute format('grant connect on database %I to %I', current_database(), reader);
  execute format('grant usage on schema public to %I', reader);
  execute format(
    'grant select on accounts, account_users, teams, inboxes, contacts, conversations, messages,'
    ' csat_survey_responses, labels, tags, taggings, campaigns, reporting_events, attachments,'
    ' conversation_participants, agent_bot_inboxes, captain_inboxes, companies, sla_policies, applied_slas, sla_events to %I',
    reader
  );
  execute format(
    'grant select (id, name, display_name, email, availability, created_at, updated_at) on users to %I',
    reader
  );
  execute format(
    'grant select (id, contact_id, inbox_id, source_id, created_at, updated_at, hmac_verified) on contact_inboxes to %I',
    reader
  );
  execute format('grant select (id, name) on agent_bots to %I', reader);
  execute format('grant select (inbox_id, app_id, status) on integrations_hooks to %I', reader);
end
$$;
