-- The next migration copies the history of the Python pipeline and accepts only the values that its documentation lists. Real histories hold
-- others as well, so the table waits under another name until copy_python_history takes every row.

-- migrate:up
do $$
begin
  if to_regclass('etl_control') is not null and not exists (
    select
    from pg_attribute
    where attrelid = to_regclass('etl_control')
      and attname = 'pipeline'
      and not attisdropped
  ) then
    alter table etl_control rename to etl_control_python_aside;
  end if;
end
$$;

-- migrate:down
do $$
begin
  if to_regclass('etl_control_python_aside') is not null then
    alter table etl_control_python_aside rename to etl_control;
  end if;
end
$$;
