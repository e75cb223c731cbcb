-- That another program deletes rows of the table was told once, by the run that noticed it, and then by nobody.

-- migrate:up
do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
begin
  -- A schema that was restored without its list of migrations runs this again.
  if definition like '%deleted-rows%' then
    return;
  end if;
  definition := replace(
    definition,
    'select started_at, completed_at, watermark_end
',
    'select started_at, completed_at, watermark_end, state
'
  );
  execute replace(
    definition,
    $old$    union all
    select
      'margin',$old$,
    $new$    union all
    select
      'deleted-rows',
      case when good.state #>> '{identities,hasWarnedOfDeletes}' = 'true' then 'warning' end,
      null,
      'rows',
      null,
      null,
      case when good.state #>> '{identities,hasWarnedOfDeletes}' = 'true' then 'deleted' end,
      'Run once with --full, or verify --repair; if it is on purpose, run with --accept-target-deletes.'
    from limits
    left join good on true
    union all
    select
      'margin',$new$
  );
end
$$;

comment on column vw_etl_health.detail is 'The last error; dead for a run whose lock nobody holds; never where no run has ended well, whose age is that of the first one; deleted where another program deletes rows.';

-- migrate:down
do $$
declare
  definition text := pg_get_functiondef('etl_health(text, interval, interval, interval)'::regprocedure);
begin
  definition := replace(definition, 'select started_at, completed_at, watermark_end, state', 'select started_at, completed_at, watermark_end');
  execute regexp_replace(definition, $part$    union all
    select
      'deleted-rows',.*?(?=    union all
    select
      'margin',)$part$, '');
end
$$;

comment on column vw_etl_health.detail is 'The last error; dead for a run whose lock nobody holds; never where no run has ended well, whose age is that of the first one.';
