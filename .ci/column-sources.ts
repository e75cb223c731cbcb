/** Which column of Chatwoot shows a change of a table; `content` where a run compares what is there with what was. */
export const changeOf: Readonly<Record<string, readonly string[] | 'content'>> = {
  accounts: 'content',
  agent_bots: 'content',
  campaigns: 'content',
  inboxes: 'content',
  sla_policies: 'content',
  teams: 'content',
  users: 'content',
  // What makes a bot active is compared with the inbox.
  agent_bot_inboxes: 'content',
  captain_inboxes: 'content',
  integrations_hooks: 'content',
  applied_slas: ['applied_slas.updated_at'],
  attachments: ['messages.created_at', 'messages.updated_at'],
  companies: ['companies.updated_at'],
  contacts: ['contacts.updated_at'],
  conversation_participants: ['conversation_participants.created_at'],
  conversations: ['conversations.updated_at'],
  csat_survey_responses: ['csat_survey_responses.updated_at'],
  messages: ['messages.created_at', 'messages.updated_at'],
  reporting_events: ['reporting_events.created_at'],
  sla_events: ['sla_events.created_at'],
  taggings: ['conversations.updated_at'],
  tags: ['conversations.updated_at'],
}

/** With which table such a change is compared, where that is another one. */
export const comparedWith: Readonly<Record<string, string>> = {
  agent_bot_inboxes: 'inboxes',
  captain_inboxes: 'inboxes',
  integrations_hooks: 'inboxes',
}

export const unchanging: readonly string[] = [
  'conversations.id',
  'conversations.display_id',
  'conversations.uuid',
  'conversations.account_id',
  'conversations.created_at',
]

/** Columns of which no stamp shows a change. */
export const silent: readonly string[] = ['conversations.agent_last_seen_at']

export const oldestRelease = '1.18'

/** The first release that has a table or a column, where that is not the oldest; of two releases, the latter is the first seen to have it. */
export const firstRelease: Readonly<Record<string, string>> = {
  applied_slas: '3.6',
  captain_inboxes: '4.0',
  companies: '4.7',
  conversation_participants: '2.14',
  reporting_events: '2.3',
  sla_events: '3.8',
  sla_policies: '3.0',
  'contacts.blocked': '3.7',
  'contacts.contact_type': '3.6',
  'conversations.assignee_agent_bot_id': '4.8',
  'conversations.custom_attributes': '1.22',
  'conversations.first_reply_created_at': '2.6',
  'conversations.priority': '2.8 – 2.18',
  'conversations.sla_policy_id': '3.0',
  'conversations.snoozed_until': '1.19 – 2.3',
  'conversations.waiting_since': '3.0',
  'reporting_events.event_end_time': '2.4',
  'reporting_events.value_in_business_hours': '2.4',
}

/** Of columns that are made of several sources, of which the oldest is enough. */
export const sinceOf: Readonly<Record<string, string>> = {
  calendar_timezone: oldestRelease,
  contact_company: oldestRelease,
  inbox_has_bot: oldestRelease,
  first_resolved_at: '2.3',
  is_bot_resolved: oldestRelease,
  is_fast_resolution: oldestRelease,
  resolution_source: oldestRelease,
  resolution_time_seconds: oldestRelease,
  resolved_at: '2.3',
}

/** Whose data a column holds, where it is anybody's: the work of agents, a person's, or whatever users of Chatwoot put there. */
export const privacyOf: Readonly<Record<string, 'agent' | 'personal' | 'free'>> = {
  account_name: 'free',
  assignee_email: 'personal',
  assignee_id: 'agent',
  assignee_name: 'personal',
  client_phone: 'personal',
  client_sender_id: 'personal',
  contact_email: 'personal',
  contact_id: 'personal',
  contact_identifier: 'personal',
  contact_name: 'personal',
  contact_phone: 'personal',
  csat_feedback: 'free',
  first_message_text: 'free',
  inbox_name: 'free',
  labels: 'free',
  last_message_text: 'free',
  message_compiled: 'free',
  team_name: 'free',
}
