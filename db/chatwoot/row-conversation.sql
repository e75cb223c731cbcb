-- What the row shows of `conversations`; `where` may follow. Columns that a release may lack stand in row-absent.sql, too.
select
  id, account_id, inbox_id, display_id, uuid, status, priority, assignee_id, cached_label_list,
  team_id::integer as team_id,
  campaign_id::integer as campaign_id,
  contact_id::integer as contact_id,
  custom_attributes,
  additional_attributes,
  sla_policy_id::bigint as sla_policy_id,
  assignee_agent_bot_id::bigint as assignee_agent_bot_id,
  -- An infinite time stands for none: no difference can be taken from it.
  case when isfinite(created_at) then created_at end::timestamp(6) as created_at,
  case when isfinite(updated_at) then updated_at end::timestamp(6) as updated_at,
  case when isfinite(last_activity_at) then last_activity_at end::timestamp(6) as last_activity_at,
  case when isfinite(snoozed_until) then snoozed_until end::timestamp(6) as snoozed_until,
  case when isfinite(first_reply_created_at) then first_reply_created_at end::timestamp(6) as first_reply_created_at,
  case when isfinite(waiting_since) then waiting_since end::timestamp(6) as waiting_since,
  case when isfinite(contact_last_seen_at) then contact_last_seen_at end::timestamp(6) as contact_last_seen_at,
  case when isfinite(agent_last_seen_at) then agent_last_seen_at end::timestamp(6) as agent_last_seen_at
from conversations
