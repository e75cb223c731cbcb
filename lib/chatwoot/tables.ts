/** What a type has to be for the queries to mean what they say; within a kind, width and length may differ from release to release. */
export type ColumnKind = 'integer' | 'number' | 'text' | 'time' | 'boolean' | 'uuid' | 'json' | 'jsonb'

/** A type of each kind, for NULL in place of a column. */
export const typeOfKind: Readonly<Record<ColumnKind, string>> = {
  integer: 'bigint',
  number: 'double precision',
  text: 'text',
  time: 'timestamp',
  boolean: 'boolean',
  uuid: 'uuid',
  json: 'json',
  jsonb: 'jsonb',
}

export type Columns = Readonly<Record<string, ColumnKind>>

/** The columns of Chatwoot that the built-in query and the change feeds read and that every release has. */
export const readColumns = {
  accounts: { id: 'integer', name: 'text' },
  contacts: { id: 'integer', name: 'text', email: 'text', phone_number: 'text', updated_at: 'time' },
  conversations: {
    id: 'integer',
    account_id: 'integer',
    inbox_id: 'integer',
    display_id: 'integer',
    status: 'integer',
    assignee_id: 'integer',
    contact_id: 'integer',
    created_at: 'time',
    updated_at: 'time',
    last_activity_at: 'time',
  },
  csat_survey_responses: {
    id: 'integer',
    conversation_id: 'integer',
    rating: 'integer',
    feedback_message: 'text',
    created_at: 'time',
    updated_at: 'time',
  },
  inboxes: { id: 'integer', name: 'text', channel_type: 'text' },
  messages: {
    id: 'integer',
    conversation_id: 'integer',
    content: 'text',
    message_type: 'integer',
    private: 'boolean',
    sender_id: 'integer',
    sender_type: 'text',
    created_at: 'time',
    updated_at: 'time',
  },
  taggings: { tag_id: 'integer', taggable_id: 'integer', taggable_type: 'text', context: 'text' },
  tags: { id: 'integer', name: 'text' },
  teams: { id: 'integer', name: 'text' },
  users: { id: 'integer', name: 'text', email: 'text' },
} as const satisfies Readonly<Record<string, Columns>>

/** The tables whose changes only stamps show, or nothing; of the others each run reads every row, or a fingerprint of it. */
export const stampedTables = [
  'conversations',
  'messages',
  'contacts',
  'csat_survey_responses',
  'taggings',
  'tags',
  'reporting_events',
  'applied_slas',
  'sla_events',
  'conversation_participants',
  'companies',
  'attachments',
] as const satisfies readonly (keyof typeof readColumns | keyof typeof extraTables)[]

/** Columns that are read as well where the release has them; where it has not, they are NULL. */
export const optionalColumns = {
  contacts: { identifier: 'text' },
  conversations: {
    uuid: 'uuid',
    priority: 'integer',
    team_id: 'integer',
    campaign_id: 'integer',
    snoozed_until: 'time',
    first_reply_created_at: 'time',
    waiting_since: 'time',
    contact_last_seen_at: 'time',
    agent_last_seen_at: 'time',
    cached_label_list: 'text',
  },
  inboxes: { timezone: 'text' },
} as const satisfies Partial<Record<keyof typeof readColumns, Columns>>

/**
 * Tables that are read where the release has them and the role may read all of these columns; else every column that comes from them is NULL.
 * Of `agent_bots` and `integrations_hooks` no more than these: the others are secrets.
 */
export const extraTables = {
  reporting_events: {
    id: 'integer',
    name: 'text',
    value: 'number',
    conversation_id: 'integer',
    inbox_id: 'integer',
    user_id: 'integer',
    created_at: 'time',
  },
  agent_bot_inboxes: { inbox_id: 'integer', status: 'integer' },
  agent_bots: { id: 'integer', name: 'text' },
  applied_slas: {
    id: 'integer',
    conversation_id: 'integer',
    sla_status: 'integer',
    created_at: 'time',
    updated_at: 'time',
  },
  attachments: { message_id: 'integer', file_type: 'integer' },
  campaigns: { id: 'integer', title: 'text' },
  captain_inboxes: { inbox_id: 'integer' },
  companies: { id: 'integer', name: 'text', updated_at: 'time' },
  conversation_participants: { conversation_id: 'integer', user_id: 'integer', created_at: 'time' },
  integrations_hooks: { inbox_id: 'integer', app_id: 'text', status: 'integer' },
  sla_events: { conversation_id: 'integer', event_type: 'integer', created_at: 'time' },
  sla_policies: { id: 'integer', name: 'text' },
} as const satisfies Readonly<Record<string, Columns>>

/** Columns that are read where the release has them and the role may read them; else they are NULL. */
export const extraColumns = {
  accounts: { settings: 'jsonb' },
  contacts: {
    additional_attributes: 'jsonb',
    custom_attributes: 'jsonb',
    location: 'text',
    country_code: 'text',
    company_id: 'integer',
    contact_type: 'integer',
    blocked: 'boolean',
  },
  conversations: {
    additional_attributes: 'jsonb',
    custom_attributes: 'jsonb',
    sla_policy_id: 'integer',
    assignee_agent_bot_id: 'integer',
  },
  csat_survey_responses: { message_id: 'integer', assigned_agent_id: 'integer' },
  messages: {
    status: 'integer',
    content_type: 'integer',
    content_attributes: 'json',
    additional_attributes: 'jsonb',
  },
  reporting_events: { value_in_business_hours: 'number', event_start_time: 'time', event_end_time: 'time' },
  users: { display_name: 'text' },
} as const satisfies Partial<Record<keyof typeof readColumns | keyof typeof extraTables, Columns>>

/** Columns of `conversations` up to release 4.14 that the conversation row leaves out on purpose. */
export const unreadColumns = [
  'assignee_last_seen_at',
  'contact_inbox_id',
  'identifier',
  'locked',
  'user_last_seen_at',
]
