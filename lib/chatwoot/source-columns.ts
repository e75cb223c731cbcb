/** What a type has to be for the queries to mean what they say; within a kind, width and length may differ from release to release. */
export type ColumnKind = 'integer' | 'text' | 'time' | 'boolean' | 'uuid'

type Columns = Readonly<Record<string, ColumnKind>>

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

/** Columns of `conversations` up to release 4.14 that the conversation row leaves out on purpose. */
const unreadColumns = [
  'additional_attributes',
  'assignee_agent_bot_id',
  'assignee_last_seen_at',
  'contact_inbox_id',
  'custom_attributes',
  'identifier',
  'locked',
  'sla_policy_id',
  'user_last_seen_at',
]

/** Whether `conversations` of a release that this package knows has such a column. */
export function isKnownColumn(name: string): boolean {
  return (
    name in readColumns.conversations || name in optionalColumns.conversations || unreadColumns.includes(name)
  )
}

/** Whether a column of this type, as PostgreSQL writes it, is of the kind. */
export function isOfKind(kind: ColumnKind, type: string): boolean {
  switch (kind) {
    case 'integer':
      return ['smallint', 'integer', 'bigint'].includes(type)
    case 'text':
      return /^(text|citext|character varying(\(\d+\))?)$/.test(type)
    case 'time':
      return /^timestamp(\(\d\))? without time zone$/.test(type)
    case 'boolean':
    case 'uuid':
      return type === kind
  }
}
