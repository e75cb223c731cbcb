-- Conversations by month and status, with DuckDB: duckdb < examples/lake/duckdb.sql
install delta;
load delta;

select month, status, count(*) as conversations
from delta_scan('/data/lake')
where deleted_at is null
  -- Only the files of these months are read.
  and month >= '2026-01'
group by month, status
order by month, status;
