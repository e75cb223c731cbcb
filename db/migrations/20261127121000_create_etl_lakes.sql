-- A lake is a copy of the table as files that other engines read. Which months of it are no longer what the table holds has to be known
-- for certain: the transaction that changes rows says so itself, whoever runs it, by triggers that a lake gets when it is registered. A
-- mark is a row of its own, so that transactions never wait for each other, and a lake deletes just the marks that it has read.

-- note: chatwoot-sync lake copies the table to Parquet files; until one is registered, runs do no more than before. Whoever may read etl_control may read etl_lakes, etl_lake_months and etl_lake_versions; the role that runs lake needs select, insert, update and delete on them, and the owner of the table registers a lake.

-- migrate:up
create table etl_lakes (
  lake_id uuid not null default gen_random_uuid()
    constraint etl_lakes_lake_id_key unique,
  pipeline text not null,
  lake text not null,
  table_name text not null,
  settings jsonb not null default '{}'::jsonb,
  registered_at timestamptz not null default clock_timestamp(),
  version bigint
    constraint etl_lakes_version_is_natural check (version >= 0),
  equal_at timestamptz,
  failed_at timestamptz,
  error_code text,
  error_message text,
  constraint etl_lakes_pkey primary key (pipeline, lake),
  constraint etl_lakes_failure_has_code check ((failed_at is null) = (error_code is null))
);

comment on table etl_lakes is 'One row for each lake that chatwoot-sync lake keeps: a copy of the table as Parquet files with a Delta log.';
comment on column etl_lakes.lake_id is 'Id by which the log of the lake names who writes it.';
comment on column etl_lakes.pipeline is 'Pipeline under which it was registered.';
comment on column etl_lakes.lake is 'Folder, or bucket and prefix; without secrets.';
comment on column etl_lakes.table_name is 'Table that it copies, with its schema.';
comment on column etl_lakes.settings is 'How it is written: which columns are left out, and which type times have.';
comment on column etl_lakes.registered_at is 'When it was registered; transactions mark the months that they change since then.';
comment on column etl_lakes.version is 'Last version of the lake that is known to be committed; NULL before the first.';
comment on column etl_lakes.equal_at is 'Time of the snapshot of the table that the last version equals, also where nothing had changed and no version was written.';
comment on column etl_lakes.failed_at is 'When it was tried last, if that failed; NULL once it has succeeded.';
comment on column etl_lakes.error_code is 'Why it failed, as in docs/errors.md.';
comment on column etl_lakes.error_message is 'The same in words, without secrets and personal data.';

create table etl_lake_months (
  mark bigint generated always as identity primary key,
  pipeline text not null,
  lake text not null,
  month text not null
    constraint etl_lake_months_month_known check (month ~ '^([0-9]{4}-[0-9]{2}|all)$'),
  marked_at timestamptz not null default clock_timestamp()
);

create index etl_lake_months_lake_idx on etl_lake_months (pipeline, lake, month);

comment on table etl_lake_months is 'Months whose rows changed since the last version of a lake: one row for each statement that changed rows, written in its transaction and deleted once a version has the change.';
comment on column etl_lake_months.mark is 'Number of the mark.';
comment on column etl_lake_months.pipeline is 'Pipeline of the lake.';
comment on column etl_lake_months.lake is 'Lake that has to read the month again.';
comment on column etl_lake_months.month is 'Month of conversation_created_at; 0000-00 for rows without one, all where every month has to be compared.';
comment on column etl_lake_months.marked_at is 'When the rows changed.';

create table etl_lake_versions (
  pipeline text not null,
  lake text not null,
  version bigint not null
    constraint etl_lake_versions_version_is_natural check (version >= 0),
  started_at timestamptz not null,
  committed_at timestamptz,
  reason text not null,
  months text[] not null,
  rows_written bigint not null,
  bytes_written bigint not null,
  files_added integer not null,
  files_removed integer not null,
  rows_total bigint not null,
  bytes_total bigint not null,
  files_total integer not null,
  months_total integer not null,
  files_archived integer not null default 0,
  constraint etl_lake_versions_pkey primary key (pipeline, lake, version)
);

comment on table etl_lake_versions is 'One row for each version of a lake that was written, for 400 days.';
comment on column etl_lake_versions.pipeline is 'Pipeline of the lake.';
comment on column etl_lake_versions.lake is 'Lake, as in etl_lakes.';
comment on column etl_lake_versions.version is 'Version in the log of the lake.';
comment on column etl_lake_versions.started_at is 'Time of the snapshot of the table that the version equals.';
comment on column etl_lake_versions.committed_at is 'When the version was known to be committed; NULL where the program ended before it knew.';
comment on column etl_lake_versions.reason is 'Why months were written.';
comment on column etl_lake_versions.months is 'Months of which files were written or removed.';
comment on column etl_lake_versions.rows_written is 'Rows in the files that were written.';
comment on column etl_lake_versions.bytes_written is 'Bytes of the files that were written.';
comment on column etl_lake_versions.files_added is 'Files that the version adds.';
comment on column etl_lake_versions.files_removed is 'Files that the version no longer has.';
comment on column etl_lake_versions.rows_total is 'Rows of the whole version.';
comment on column etl_lake_versions.bytes_total is 'Bytes of the files of the whole version.';
comment on column etl_lake_versions.files_total is 'Files of the whole version.';
comment on column etl_lake_versions.months_total is 'Months of the whole version.';
comment on column etl_lake_versions.files_archived is 'Files among them that hold rows which the table no longer has, and which are kept for that.';

do $$
begin
  execute format(
    $function$
create function etl_mark_lake_months() returns trigger
language plpgsql
-- Whoever may change rows of the table marks their months, without a right to write marks.
security definer
set search_path = pg_catalog, pg_temp
as $body$
begin
  -- The month of a row as in the path of its file: 0000-00 without a time, before the year 1 and from 10000 on.
  if tg_op = 'INSERT' then
    insert into %1$I.etl_lake_months (pipeline, lake, month)
    select distinct
      tg_argv[0],
      tg_argv[1],
      case
        when n.conversation_created_at >= '0001-01-01' and n.conversation_created_at < '10000-01-01'
        then to_char(n.conversation_created_at, 'YYYY-MM')
        else '0000-00'
      end
    from new_rows n;
  elsif tg_op = 'DELETE' then
    insert into %1$I.etl_lake_months (pipeline, lake, month)
    select distinct
      tg_argv[0],
      tg_argv[1],
      case
        when o.conversation_created_at >= '0001-01-01' and o.conversation_created_at < '10000-01-01'
        then to_char(o.conversation_created_at, 'YYYY-MM')
        else '0000-00'
      end
    from old_rows o;
  elsif tg_op = 'UPDATE' then
    insert into %1$I.etl_lake_months (pipeline, lake, month)
    select distinct
      tg_argv[0],
      tg_argv[1],
      case
        when b.created_at >= '0001-01-01' and b.created_at < '10000-01-01'
        then to_char(b.created_at, 'YYYY-MM')
        else '0000-00'
      end
    from (
      select n.conversation_created_at as created_at
      from new_rows n
      union all
      select o.conversation_created_at
      from old_rows o
    ) b;
  else
    insert into %1$I.etl_lake_months (pipeline, lake, month)
    values (tg_argv[0], tg_argv[1], 'all');
  end if;
  return null;
end
$body$
    $function$,
    current_schema()
  );
end
$$;

-- Whoever may read the history of runs, as health does, may read that of lakes.
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
    execute format('grant select on etl_lakes, etl_lake_months, etl_lake_versions to %s', reader.name);
  end loop;
end
$$;

revoke execute on function etl_mark_lake_months() from public;

comment on function etl_mark_lake_months() is 'Marks the months of the rows that a statement has changed, for the lake that its trigger names.';

-- migrate:down
do $$
declare
  own record;
begin
  for own in
    select format('drop trigger %I on %s', g.tgname, g.tgrelid::regclass) as statement
    from pg_trigger g
    where g.tgfoid = to_regprocedure('etl_mark_lake_months()')
      and not g.tgisinternal
  loop
    execute own.statement;
  end loop;
end
$$;

drop function etl_mark_lake_months();
drop table etl_lake_versions;
drop table etl_lake_months;
drop table etl_lakes;
