-- Each run drops the state of the one before, for which it should not have to look at the whole history of runs.

-- migrate:up
create index etl_control_state_idx on etl_control (pipeline) where state is not null;

-- migrate:down
drop index etl_control_state_idx;
