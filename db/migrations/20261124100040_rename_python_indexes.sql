-- Indexes of the Python pipeline may have the names of ours, which are those that PostgreSQL itself chooses. They stay, under other names.

-- migrate:up
do $$
declare
  clashing record;
begin
  if exists (
    select
    from pg_attribute
    where attrelid = to_regclass('etl_control')
      and attname = 'pipeline'
      and not attisdropped
  ) then
    return;
  end if;
  for clashing in
    select c.oid::regclass as index, c.relname as name
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    where i.indrelid in (to_regclass('conversas_analytics'), to_regclass('etl_control'))
      and c.relname in (
        'conversas_analytics_account_idx',
        'conversas_analytics_assignee_idx',
        'conversas_analytics_contact_idx',
        'conversas_analytics_conversation_id_idx',
        'conversas_analytics_created_at_idx',
        'conversas_analytics_date_idx',
        'conversas_analytics_deleted_idx',
        'conversas_analytics_inbox_idx',
        'conversas_analytics_status_idx',
        'conversas_analytics_team_idx',
        'conversas_analytics_updated_at_idx',
        'etl_control_newest_idx',
        'etl_control_one_running_idx',
        'etl_control_started_at_idx',
        'etl_control_state_idx'
      )
  loop
    execute format('alter index %s rename to %I', clashing.index, clashing.name || '_python');
  end loop;
end
$$;

-- migrate:down
do $$
declare
  renamed record;
begin
  for renamed in
    select c.oid::regclass as index, c.relname as name
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    where i.indrelid in (to_regclass('conversas_analytics'), to_regclass('etl_control'))
      and c.relname ~ '^(conversas_analytics|etl_control)_.*_idx_python$'
  loop
    execute format('alter index %s rename to %I', renamed.index, left(renamed.name, -length('_python')));
  end loop;
end
$$;
