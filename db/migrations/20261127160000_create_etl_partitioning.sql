-- A table that has grown for years is read a month at a time where it is partitioned by month. It is rebuilt beside the one that is used, which
-- takes long enough that the program may be killed meanwhile, and that runs go on: how far the rebuilding came, and which rows changed since
-- they were copied, has to be known for certain, so that the database itself keeps both.

-- note: chatwoot-sync partition turns the table into one that is partitioned by month, and back; until it is called nothing changes. Whoever may read etl_control may read etl_partitioning and etl_partition_months.

-- migrate:up
alter table etl_verification add column if not exists rows_double integer not null default 0;

comment on column etl_verification.rows_double is 'Keys that the table holds more than once, as only a partitioned table can.';

create table etl_partitioning (
  table_name text not null
    constraint etl_partitioning_pkey primary key,
  months_ahead integer not null default 3
    constraint etl_partitioning_months_ahead_fits check (months_ahead between 0 and 24),
  has_date_checks boolean not null default false,
  is_time_required boolean not null default false,
  partitioned_at timestamptz,
  building text
    constraint etl_partitioning_building_known check (building in ('months', 'plain')),
  copy_name text,
  begun_at timestamptz,
  before_name text,
  before_at timestamptz,
  constraint etl_partitioning_copy_is_built check ((building is null) = (copy_name is null) and (building is null) = (begun_at is null)),
  constraint etl_partitioning_before_has_time check ((before_name is null) = (before_at is null))
);

comment on table etl_partitioning is 'One row for each table that chatwoot-sync partition has rebuilt or is rebuilding.';
comment on column etl_partitioning.table_name is 'Table, with its schema, as SQL writes it.';
comment on column etl_partitioning.months_ahead is 'How many months after the current one runs make.';
comment on column etl_partitioning.has_date_checks is 'Each month has a check of conversation_date, by which queries of days leave the other months out.';
comment on column etl_partitioning.is_time_required is 'conversation_created_at could not be NULL before the table was partitioned, which needs it so.';
comment on column etl_partitioning.partitioned_at is 'Since when the table is partitioned by month; NULL while it is not.';
comment on column etl_partitioning.building is 'What is being built beside the table: months, or plain for one without; NULL where nothing is.';
comment on column etl_partitioning.copy_name is 'Table that is being built, with its schema, as SQL writes it.';
comment on column etl_partitioning.begun_at is 'When building began.';
comment on column etl_partitioning.before_name is 'The table as it was before it was replaced, with its schema, as SQL writes it; NULL once it was dropped.';
comment on column etl_partitioning.before_at is 'When it was replaced.';

create table etl_partition_months (
  table_name text not null,
  month text not null,
  rows bigint not null,
  copied_at timestamptz not null default clock_timestamp(),
  constraint etl_partition_months_pkey primary key (table_name, month)
);

comment on table etl_partition_months is 'Months that were copied into the table that is being built.';
comment on column etl_partition_months.table_name is 'Table that is being rebuilt, as in etl_partitioning.';
comment on column etl_partition_months.month is 'Month of conversation_created_at; 0000-00 for rows whose time no month has.';
comment on column etl_partition_months.rows is 'Rows that were copied.';
comment on column etl_partition_months.copied_at is 'When they were copied.';

create table etl_partition_changes (
  change bigint generated always as identity primary key,
  table_name text not null,
  row_key text
);

comment on table etl_partition_changes is 'Rows that changed while their table is being rebuilt: written by a trigger in the transaction that changes them, and deleted once the new table has the change.';
comment on column etl_partition_changes.change is 'Number of the change.';
comment on column etl_partition_changes.table_name is 'Table that is being rebuilt, as in etl_partitioning.';
comment on column etl_partition_changes.row_key is 'Key of the row; NULL where the table was emptied.';

do $$
begin
  execute replace(
    $function$
create function etl_log_partition_changes() returns trigger
language plpgsql
-- Whoever may change rows of the table notes it, without a right to write here.
security definer
set search_path = pg_catalog, pg_temp
as $body$
declare
  keys text[];
begin
  if tg_op = 'INSERT' then
    execute format('select array_agg(n.%I::text) from new_rows n', tg_argv[1]) into keys;
  elsif tg_op = 'DELETE' then
    execute format('select array_agg(o.%I::text) from old_rows o', tg_argv[1]) into keys;
  elsif tg_op = 'UPDATE' then
    execute format(
      'select array_agg(changed.key) from (select n.%1$I::text from new_rows n union select o.%1$I::text from old_rows o) changed (key)',
      tg_argv[1]
    ) into keys;
  else
    keys := array[null];
  end if;
  insert into own_schema.etl_partition_changes (table_name, row_key)
  select tg_argv[0], changed.key
  from unnest(keys) changed (key);
  return null;
end
$body$
    $function$,
    'own_schema',
    quote_ident(current_schema())
  );
end
$$;

revoke execute on function etl_log_partition_changes() from public;

comment on function etl_log_partition_changes() is 'Notes the keys of the rows that a statement has changed, while their table is being rebuilt.';

create function etl_copy_table_settings(earlier regclass, later regclass) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  one record;
begin
  -- What a column has that a copy of its definition does not take over.
  for one in
    select
      format('alter table %s alter column %I set statistics %s', later, a.attname, a.attstattarget) as statement
    from pg_attribute a
    where a.attrelid = earlier
      and a.attnum > 0
      and not a.attisdropped
      and a.attstattarget >= 0
    union all
    select
      format(
        'alter table %s alter column %I set (%s)',
        later,
        a.attname,
        (
          select string_agg(format('%I = %L', split_part(o.text, '=', 1), substr(o.text, strpos(o.text, '=') + 1)), ', ')
          from unnest(a.attoptions) o (text)
        )
      )
    from pg_attribute a
    where a.attrelid = earlier
      and a.attnum > 0
      and not a.attisdropped
      and a.attoptions is not null
    union all
    -- A partitioned table itself holds nothing, and has no such settings.
    select
      format(
        'alter table %s set (%s)',
        later,
        string_agg(format('%s%I = %L', s.prefix, split_part(s.text, '=', 1), substr(s.text, strpos(s.text, '=') + 1)), ', ')
      )
    from (
      select '' as prefix, o.text
      from pg_class c
      cross join unnest(c.reloptions) o (text)
      where c.oid = earlier
      union all
      select 'toast.', o.text
      from pg_class c
      join pg_class t on t.oid = c.reltoastrelid
      cross join unnest(t.reloptions) o (text)
      where c.oid = earlier
    ) s
    where exists (select 1 from pg_class where oid = later and relkind = 'r')
    having count(*) > 0
  loop
    execute one.statement;
  end loop;
end
$$;

comment on function etl_copy_table_settings(regclass, regclass) is 'Gives one table the storage settings of another, and its columns theirs.';

do $body$
begin
  execute replace(
    $function$
create function etl_create_month(parent regclass, base_name text, month date, with_date_check boolean, most_rows bigint) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
-- Attaching waits for queries that read the default partition, and others wait behind it meanwhile.
set lock_timeout = '100ms'
as $$
declare
  following constant date := (month + interval '1 month')::date;
  leaf text;
  rest regclass;
  rest_space text;
  owner name;
  columns text;
  belongs text;
  is_too_much boolean;
begin
  select
    format('%I.%I', n.nspname, base_name || '_' || to_char(month, 'YYYYMM')),
    r.oid::regclass,
    case when s.spcname is null then '' else format('tablespace %I', s.spcname) end,
    pg_get_userbyid(c.relowner),
    format('%I >= %L and %I < %L', a.attname, month::timestamp, a.attname, following::timestamp),
    (
      select string_agg(quote_ident(b.attname), ', ' order by b.attnum)
      from pg_attribute b
      where b.attrelid = c.oid
        and b.attnum > 0
        and not b.attisdropped
        and b.attgenerated = ''
    )
  into strict leaf, rest, rest_space, owner, belongs, columns
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_partitioned_table p on p.partrelid = c.oid
  join pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
  left join pg_class r on r.oid = p.partdefid
  left join pg_tablespace s on s.oid = r.reltablespace
  where c.oid = parent;

  -- By its bound too, as somebody may have made the month under another name.
  if to_regclass(leaf) is not null or exists (
    select 1
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = parent
      and pg_get_expr(c.relpartbound, c.oid) like 'FOR VALUES FROM (_' || to_char(month, 'YYYY-MM-DD') || '%'
  ) then
    return false;
  end if;

  if rest is not null and most_rows is not null then
    execute format('select count(*) > $1 from (select 1 from %s where %s limit $1 + 1) some_rows', rest, belongs)
    into is_too_much
    using most_rows;
    if is_too_much then
      return false;
    end if;
  end if;

  execute format('create table %s (like %s including all excluding indexes excluding statistics) %s', leaf, parent, rest_space);
  if owner <> current_user then
    execute format('alter table %s owner to %I', leaf, owner);
  end if;
  if with_date_check then
    execute format(
      'alter table %s add constraint conversation_date_near_month check (conversation_date between %L and %L)',
      leaf,
      month - 1,
      following
    );
  end if;
  if rest is not null then
    perform own_schema.etl_copy_table_settings(rest, leaf::regclass);
    -- Rows of it that came before it was there.
    execute format(
      'with moved as (delete from %1$s where %2$s returning %3$s) insert into %4$s (%3$s) select %3$s from moved',
      rest,
      belongs,
      columns,
      leaf
    );
  end if;
  execute format(
    'alter table %s attach partition %s for values from (%L) to (%L)',
    parent,
    leaf,
    month::timestamp,
    following::timestamp
  );
  return true;
end
$$;
$function$,
    'own_schema',
    quote_ident(current_schema())
  );
  execute replace(
    $function$
create function etl_make_months() returns integer
language plpgsql
-- Runs need no right to create tables.
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  one record;
  partman name := (
    select n.nspname
    from pg_extension e
    join pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'pg_partman'
  );
  is_theirs boolean;
  made integer := 0;
begin
  for one in
    select
      c.oid::regclass as parent,
      c.relname::text as base_name,
      n.nspname || '.' || c.relname as plain_name,
      p.has_date_checks,
      month.at::date as month
    from own_schema.etl_partitioning p
    join pg_class c on c.oid = to_regclass(p.table_name) and c.relkind = 'p'
    join pg_namespace n on n.oid = c.relnamespace
    cross join generate_series(
      date_trunc('month', now() at time zone 'UTC'),
      date_trunc('month', now() at time zone 'UTC') + make_interval(months => p.months_ahead),
      interval '1 month'
    ) month (at)
    where p.partitioned_at is not null
    order by c.oid, month.at
  loop
    is_theirs := false;
    if partman is not null then
      execute format('select exists (select 1 from %I.part_config where parent_table = $1)', partman)
      into is_theirs
      using one.plain_name;
    end if;
    if not is_theirs then
      begin
        if own_schema.etl_create_month(one.parent, one.base_name, one.month, one.has_date_checks, 200) then
          made := made + 1;
        end if;
      exception
        -- Somebody uses the default partition, or has made a partition that overlaps, or the owner may not: the next call tries again, and until then rows go to the default partition.
        when lock_not_available or deadlock_detected or check_violation or invalid_object_definition or insufficient_privilege then
          null;
      end;
    end if;
  end loop;
  return made;
end
$$;
$function$,
    'own_schema',
    quote_ident(current_schema())
  );
  execute replace(
    $function$
create function etl_rest_rows(of_table text) returns bigint
language plpgsql
stable
-- Whoever asks for the health may have no right to read the table.
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  rest regclass := (
    select r.oid::regclass
    from own_schema.etl_partitioning p
    join pg_partitioned_table q on q.partrelid = to_regclass(p.table_name)
    join pg_class r on r.oid = q.partdefid
    where p.table_name = of_table
      and p.partitioned_at is not null
  );
  found_rows bigint;
begin
  if rest is not null then
    execute format('select count(*) from %s', rest) into found_rows;
  end if;
  return found_rows;
end
$$;
$function$,
    'own_schema',
    quote_ident(current_schema())
  );
end
$body$;

comment on function etl_create_month(regclass, text, date, boolean, bigint) is 'Adds a month to a partitioned table, with the rows of it that the default partition holds; false where it is there already, or where more rows than most_rows would have to move.';
comment on function etl_make_months() is 'Adds the months ahead to the tables that chatwoot-sync partition has partitioned, and returns how many it made. Each run calls it, and migrate.';
comment on function etl_rest_rows(text) is 'Rows in the default partition of a table that chatwoot-sync partition has partitioned; NULL for others.';

-- Whoever may read the history of runs, as health does, may read how far this came.
do $$
declare
  reader record;
begin
  for reader in
    select distinct case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end as name
    from pg_class c
    cross join aclexplode(c.relacl) a
    where c.oid = 'etl_control'::regclass
      and a.privilege_type = 'SELECT'
      and a.grantee <> c.relowner
  loop
    execute format('grant select on etl_partitioning, etl_partition_months to %s', reader.name);
  end loop;
end
$$;

-- migrate:down
do $$
declare
  own record;
begin
  for own in
    select format('drop trigger %I on %s', g.tgname, g.tgrelid::regclass) as statement
    from pg_trigger g
    where g.tgfoid = to_regprocedure('etl_log_partition_changes()')
      and not g.tgisinternal
  loop
    execute own.statement;
  end loop;
end
$$;

drop function etl_rest_rows(text);
drop function etl_make_months();
drop function etl_create_month(regclass, text, date, boolean, bigint);
drop function etl_copy_table_settings(regclass, regclass);
drop function etl_log_partition_changes();
drop table etl_partition_changes;
drop table etl_partition_months;
drop table etl_partitioning;

alter table etl_verification drop column rows_double;
