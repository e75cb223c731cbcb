-- Open, unattended, unassigned and pending conversations, as of the last run.
-- Chart: table. Columns: open_count, unattended_count, unassigned_count, pending_count.
select
  l.open_count,
  l.unattended_count,
  l.unassigned_count,
  l.pending_count
from chatwoot_live({{account}}) l
