/** The columns of Chatwoot that the built-in query and the change feeds read and that every release has. */
export const readColumns = {
  accounts: ['id', 'name'],
  contacts: ['id', 'name', 'email', 'phone_number', 'updated_at'],
  conversations: [
    'id',
    'account_id',
    'inbox_id',
    'display_id',
    'status',
    'assignee_id',
    'contact_id',
    'created_at',
    'updated_at',
    'last_activity_at',
  ],
  csat_survey_responses: ['id', 'conversation_id', 'rating', 'feedback_message', 'created_at', 'updated_at'],
  inboxes: ['id', 'name', 'channel_type'],
  messages: [
    'id',
    'conversation_id',
    'content',
    'message_type',
    'private',
    'sender_id',
    'sender_type',
    'created_at',
    'updated_at',
  ],
  taggings: ['tag_id', 'taggable_id', 'taggable_type', 'context'],
  tags: ['id', 'name'],
  teams: ['id', 'name'],
  users: ['id', 'name', 'email'],
} as const satisfies Record<string, readonly string[]>

/** Columns that are read as well where the release has them; where it has not, they are NULL. */
export const optionalColumns = {
  contacts: ['identifier'],
  conversations: [
    'uuid',
    'priority',
    'team_id',
    'campaign_id',
    'snoozed_until',
    'first_reply_created_at',
    'waiting_since',
    'contact_last_seen_at',
    'agent_last_seen_at',
    'cached_label_list',
  ],
  inboxes: ['timezone'],
} as const satisfies Partial<Record<keyof typeof readColumns, readonly string[]>>
