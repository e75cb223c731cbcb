-- Status, assignment, labels, priority, attributes, merges. Most of them came with a message that a run has read already, so each conversation
-- comes with a fingerprint of what no other feed shows, and only those are read of which the target holds something else.
--
-- :print is made of `r`.
select
  c.id::integer::text as id,
  (:print)::text as print
from (
  :part_absent
) absent
cross join lateral (
  :part_conversation
  where updated_at >= :since::timestamp
) c
cross join lateral (
  select
    c.updated_at as conversation_updated_at,
    c.created_at as conversation_created_at,
    c.display_id,
    c.uuid as conversation_uuid,
    c.account_id,
    c.inbox_id,
    c.contact_id,
    c.status,
    c.priority,
    c.snoozed_until,
    c.assignee_id,
    c.assignee_agent_bot_id,
    c.team_id,
    c.campaign_id,
    c.sla_policy_id,
    c.last_activity_at,
    c.first_reply_created_at,
    c.waiting_since,
    c.contact_last_seen_at,
    c.agent_last_seen_at,
    c.custom_attributes,
    c.additional_attributes,
    nullif(c.additional_attributes ->> 'referer', '') as referer,
    nullif(c.additional_attributes -> 'browser' ->> 'browser_name', '') as browser_name,
    nullif(c.additional_attributes -> 'browser' ->> 'platform_name', '') as platform_name,
    nullif(c.additional_attributes ->> 'browser_language', '') as browser_language,
    :part_labels as labels
) r
