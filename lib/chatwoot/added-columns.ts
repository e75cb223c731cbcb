/** Whose data a column holds: nobody's, the work of agents, a person's, or whatever users of Chatwoot put into it. */
export type Privacy = 'none' | 'agent' | 'personal' | 'free'

const ofOldView = {
  empty_texts: 'none',
  first_public_message_at: 'none',
  last_public_message_at: 'none',
  messages_by_users_count: 'none',
  messages_by_contacts_count: 'none',
  public_texts_count: 'none',
  public_texts_length: 'none',
  longest_public_text: 'none',
  csat_feedback_length: 'none',
} as const

/** Columns that only vw_conversas_analytics_v3 reads. */
export const oldViewColumns: readonly string[] = Object.keys(ofOldView)

/** Columns that migrations added to tables of the first release, in the order in which they are read; a table may lack them until then. */
export const addedColumns = {
  reporting_events: 'agent',
  first_resolved_at: 'none',
  resolved_at: 'none',
  resolutions_count: 'none',
  reopened_count: 'none',
  bot_resolutions_count: 'none',
  chatwoot_first_response_seconds: 'none',
  chatwoot_first_response_business_seconds: 'none',
  chatwoot_first_resolution_seconds: 'none',
  chatwoot_first_resolution_business_seconds: 'none',
  chatwoot_resolution_seconds: 'none',
  chatwoot_resolution_business_seconds: 'none',
  reply_time_count: 'none',
  reply_time_avg_seconds: 'none',
  reply_time_avg_business_seconds: 'none',
  bot_handoff_at: 'none',
  has_bot_handoff: 'none',
  resolution_source: 'none',
  incoming_messages_count: 'none',
  outgoing_messages_count: 'none',
  activity_messages_count: 'none',
  template_messages_count: 'none',
  attachments_count: 'none',
  attachment_types: 'none',
  deleted_messages_count: 'none',
  failed_messages_count: 'none',
  external_echo_count: 'none',
  automation_messages_count: 'none',
  campaign_messages_count: 'none',
  content_types: 'none',
  is_one_touch: 'none',
  csat_sent_at: 'none',
  csat_responses: 'agent',
  csat_assigned_agent_id: 'agent',
  csat_assigned_agent_name: 'personal',
  custom_attributes: 'free',
  additional_attributes: 'free',
  referer: 'personal',
  browser_name: 'personal',
  platform_name: 'personal',
  browser_language: 'personal',
  contact_custom_attributes: 'free',
  contact_city: 'personal',
  contact_country: 'personal',
  contact_country_code: 'personal',
  contact_company: 'personal',
  contact_blocked: 'personal',
  contact_type: 'personal',
  sla_policy_id: 'none',
  sla_policy_name: 'none',
  sla_status: 'none',
  sla_applied_at: 'none',
  sla_missed_types: 'none',
  is_sla_missed: 'none',
  participant_ids: 'agent',
  assignee_agent_bot_id: 'none',
  bot_name: 'none',
  campaign_title: 'none',
  assignee_display_name: 'personal',
  agent_ids: 'agent',
  agents: 'personal',
  conversation_url: 'none',
  inbox_has_bot: 'none',
  ...ofOldView,
} as const satisfies Readonly<Record<string, Privacy>>

/** Of these, the ones that can hold personal data. */
export const addedPersonalColumns: readonly string[] = Object.entries(addedColumns).flatMap(
  ([name, privacy]: [string, Privacy]) => (privacy === 'personal' || privacy === 'free' ? [name] : []),
)

/** Columns whose meaning changed with them; until a table has the new ones, it gets what they held before. */
export const changedColumns: readonly string[] = [
  'labels',
  'resolution_time_seconds',
  'is_fast_resolution',
  'first_message_text',
  'last_message_text',
  'first_message_sender_type',
  'last_message_sender_type',
  'has_human_intervention',
  'is_bot_resolved',
]
