-- The slowest inboxes, with ClickHouse, over a lake in a folder; deltaLake('https://bucket.s3.amazonaws.com/prefix') reads one in a bucket.
select inbox_name, round(avg(first_response_time_seconds)) as seconds, count() as conversations
from deltaLakeLocal('/data/lake')
where deleted_at is null
group by inbox_name
order by seconds desc
limit 10;
