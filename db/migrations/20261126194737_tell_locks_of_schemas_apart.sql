-- Two tenants in one database have their tables in schemas of their own: whether a run holds its lock is asked for the lock of that schema.
-- In public the lock is that of earlier releases.

-- migrate:up
do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
  seed text := '(
            select case n.nspname when ''public'' then 0 else n.oid::bigint end
            from pg_class c
            join pg_namespace n on n.oid = c.relnamespace
            where c.oid = etl_control.tableoid
          )';
begin
  execute replace(
    definition,
    'hashtextextended(''chatwoot-sync run '' || $1, 0)',
    'hashtextextended(''chatwoot-sync run '' || $1, ' || seed || ')'
  );
end
$$;

-- migrate:down
do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
begin
  execute regexp_replace(
    definition,
    'hashtextextended\(''chatwoot-sync run '' \|\| \$1, \(.*?etl_control\.tableoid\s+\)\)',
    'hashtextextended(''chatwoot-sync run '' || $1, 0)'
  );
end
$$;
