-- A table by month needs what nobody looks at by himself: that rows fit into its months, that the table of before is dropped some day, and that
-- a rebuilding that was killed goes on. And where a key is unique within each month alone, a comparison counts keys that are there twice.

-- migrate:up
do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
begin
  -- A schema that was restored without its list of migrations runs this again.
  if definition like '%etl_partitioning%' then
    return;
  end if;
  definition := replace(
    definition,
    'max(rows_missing + rows_stale + rows_extra - rows_repaired)',
    'max(rows_missing + rows_stale + rows_extra + rows_double - rows_repaired)'
  );
  execute replace(
    definition,
    $old$    union all
    select
      'margin',$old$,
    replace(
      $new$    union all
    select
      'default-partition',
      null,
      max(own_schema.etl_rest_rows(p.table_name)),
      'rows',
      0,
      null,
      null,
      'Run chatwoot-sync partition, which makes the months of these rows.'
    from own_schema.etl_partitioning p
    where p.partitioned_at is not null
    having count(*) > 0
    union all
    select
      'earlier-table',
      null,
      extract(epoch from now() - min(p.before_at))::numeric,
      'seconds',
      30 * 86400,
      null,
      min(p.before_name) || ', ' || pg_size_pretty(sum(kept.bytes)),
      'Once everything that read it reads the new one, run chatwoot-sync partition --drop-before with its name.'
    from own_schema.etl_partitioning p
    cross join lateral (
      select sum(pg_total_relation_size(t.oid)) as bytes
      from (
        select to_regclass(p.before_name)::oid
        union
        select relid::oid
        from pg_partition_tree(to_regclass(p.before_name))
      ) t (oid)
    ) kept
    where to_regclass(p.before_name) is not null
    having count(*) > 0
    union all
    select
      'rebuilding',
      null,
      extract(epoch from now() - min(p.begun_at))::numeric,
      'seconds',
      86400,
      null,
      min(p.copy_name),
      'Run chatwoot-sync partition again, which goes on; or with --cancel, which drops the copy.'
    from own_schema.etl_partitioning p
    where p.building is not null
    having count(*) > 0
    union all
    select
      'margin',$new$,
      'own_schema',
      quote_ident(current_schema())
    )
  );
end
$$;

comment on column vw_etl_health.detail is 'The last error; dead for a run whose lock nobody holds; never where no run has ended well, whose age is that of the first one; deleted where another program deletes rows; the lake that is furthest behind; the table that is left of before, with its size, or that is being built.';

-- migrate:down
do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
begin
  definition := replace(
    definition,
    'max(rows_missing + rows_stale + rows_extra + rows_double - rows_repaired)',
    'max(rows_missing + rows_stale + rows_extra - rows_repaired)'
  );
  execute regexp_replace(definition, $part$    union all
    select
      'default-partition',.*?(?=    union all
    select
      'margin',)$part$, '');
end
$$;

comment on column vw_etl_health.detail is 'The last error; dead for a run whose lock nobody holds; never where no run has ended well, whose age is that of the first one; deleted where another program deletes rows; the lake that is furthest behind.';
