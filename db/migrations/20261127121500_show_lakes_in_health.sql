-- A lake that fails does not fail a run, so that something else has to say so.

-- migrate:up
do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
begin
  -- A schema that was restored without its list of migrations runs this again.
  if definition like '%etl_lakes%' then
    return;
  end if;
  execute replace(
    definition,
    $old$    union all
    select
      'margin',$old$,
    replace(
      $new$    union all
    select
      'lake',
      case when kept.error is not null then 'warning' end,
      kept.age,
      'seconds',
      2 * limits.every + limits.grace,
      3 * limits.every + limits.grace,
      coalesce(kept.error, kept.lake),
      'Run chatwoot-sync lake --to with its place; end one that is no longer needed with --unregister.'
    from limits
    join (
      select
        max(extract(epoch from now() - coalesce(l.equal_at, l.registered_at))::numeric) as age,
        (array_agg(l.lake order by coalesce(l.equal_at, l.registered_at), l.lake))[1] as lake,
        (array_agg(l.lake || ': ' || l.error_code || coalesce(': ' || l.error_message, '') order by l.failed_at desc)
          filter (where l.failed_at is not null))[1] as error
      from own_schema.etl_lakes l
      where l.pipeline = $1
    ) kept on kept.age is not null
    union all
    select
      'margin',$new$,
      'own_schema',
      quote_ident(current_schema())
    )
  );
end
$$;

comment on column vw_etl_health.detail is 'The last error; dead for a run whose lock nobody holds; never where no run has ended well, whose age is that of the first one; deleted where another program deletes rows; the lake that is furthest behind.';

alter table etl_alerts drop constraint etl_alerts_kind_known;
alter table etl_alerts add constraint etl_alerts_kind_known check (
  kind in ('failure', 'staleness', 'stuck-run', 'rejected-rows', 'differences', 'margin', 'lake')
);

-- migrate:down
do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
begin
  execute regexp_replace(definition, $part$    union all
    select
      'lake',.*?(?=    union all
    select
      'margin',)$part$, '');
end
$$;

comment on column vw_etl_health.detail is 'The last error; dead for a run whose lock nobody holds; never where no run has ended well, whose age is that of the first one; deleted where another program deletes rows.';

delete from etl_alerts where kind = 'lake';
alter table etl_alerts drop constraint etl_alerts_kind_known;
alter table etl_alerts add constraint etl_alerts_kind_known check (
  kind in ('failure', 'staleness', 'stuck-run', 'rejected-rows', 'differences', 'margin')
);
