-- A row that was missing for longer than eleven days counts as that late, which did not fit and failed every later run.

-- migrate:up
alter table etl_control
  alter column margin_used_seconds type numeric(18,6);

-- migrate:down
alter table etl_control
  alter column margin_used_seconds type numeric(12,6) using least(margin_used_seconds, 999999.999999);
