-- Functions run with the rights and under the search path of whoever calls them: of two functions or operators that fit, the one that
-- somebody has planted in a schema of that path could win. So ours name the schema of every table, and have a path of their own.

-- note: A row whose value a column of another type would change is rejected, with the warning COLUMNS_LOSSY; a pipeline with such columns reads everything once. allowLossy (--allow-lossy) takes the values as they come.
-- note: Keys are compared as the unique index of the table does, and a soft-deleted row gives up a unique value that a live row needs (VALUES_RELEASED).
-- note: Columns that the table generates are left out, and rows that a trigger leaves out are rejected, no longer counted as inserted.
-- note: A relation or a target that was replaced, emptied or restored is read completely once, with the reason. Over foreign tables and materialized views that can be refreshed concurrently every run reads everything.
-- note: A run with less protection of columns than the last one fails with PROTECTION_WEAKENED. Run it once with --reveal if you want that.
-- note: A password is no longer sent in clear text to another machine without TLS. Set SOURCE_DB_SSLMODE and LOCAL_DB_SSLMODE, or SOURCE_DB_CLEARTEXT_PASSWORD=allow.
-- note: serve without a token rejects requests that a proxy forwards. Set CHATWOOT_SYNC_TOKEN behind one.
-- note: Schemas in which everybody may create functions are left out of the search path of our statements. Views and triggers that need one of them should name it; chatwoot-sync doctor lists such schemas.

-- migrate:up
do $$
declare
  own record;
begin
  for own in
    select
      p.oid::regprocedure as signature,
      quote_ident(n.nspname) as schema,
      pg_get_functiondef(p.oid) as definition
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where p.oid in (
      to_regprocedure('get_last_successful_watermark(text)'),
      to_regprocedure('etl_trim_history(text, interval, integer)'),
      to_regprocedure('etl_health(text, interval, interval, interval)')
    )
  loop
    execute regexp_replace(
      own.definition,
      e'\\m(from|join|into|update) (etl_)',
      e'\\1 ' || replace(own.schema, e'\\', e'\\\\') || e'.\\2',
      'g'
    );
    execute format('alter function %s set search_path = pg_catalog, pg_temp', own.signature);
  end loop;
end
$$;

-- migrate:down
do $$
declare
  own record;
begin
  for own in
    select
      p.oid::regprocedure as signature,
      quote_ident(n.nspname) as schema
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where p.oid in (
      to_regprocedure('get_last_successful_watermark(text)'),
      to_regprocedure('etl_trim_history(text, interval, integer)'),
      to_regprocedure('etl_health(text, interval, interval, interval)')
    )
  loop
    execute format('alter function %s reset search_path', own.signature);
    execute replace(
      replace(
        replace(pg_get_functiondef(own.signature), 'from ' || own.schema || '.etl_', 'from etl_'),
        'join ' || own.schema || '.etl_', 'join etl_'
      ),
      'into ' || own.schema || '.etl_', 'into etl_'
    );
  end loop;
end
$$;
