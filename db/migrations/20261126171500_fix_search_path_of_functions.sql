-- Functions run with the rights and under the search path of whoever calls them: of two functions or operators that fit, the one that
-- somebody has planted in a schema of that path could win. So ours name the schema of every table, and have a path of their own.

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
