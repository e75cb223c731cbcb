-- Columns of conversations and of what belongs to them that a release of Chatwoot may lack, under the names by which they are read.
select
  null::uuid as uuid,
  null::integer as priority,
  null::bigint as team_id,
  null::bigint as campaign_id,
  null::timestamp as snoozed_until,
  null::timestamp as contact_last_seen_at,
  null::timestamp as agent_last_seen_at,
  null::timestamp as first_reply_created_at,
  null::timestamp as waiting_since,
  null::text as cached_label_list,
  null::text as timezone,
  null::text as identifier
