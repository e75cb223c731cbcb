import { ofPlaces } from './column-formulas.js'

const entry = (key: string, order: string) =>
  ofPlaces(`m ->> '${key}'`, `m ->> 'private' = 'false' order by ${order} limit 1`).slice(2)

/**
 * What a column held before it followed the rules of Chatwoot's reports, as a formula over the table as it is now. The earlier labels are
 * not among them, as the list that Chatwoot caches is not in the table.
 */
export const earlierFormulas: Readonly<Record<string, string>> = {
  resolution_time_seconds:
    'case when status = 1 then floor(extract(epoch from conversation_updated_at - conversation_created_at)) end',
  is_fast_resolution: `case when status = 1 then conversation_updated_at - conversation_created_at < interval '7200 seconds' else false end`,
  has_human_intervention: 'has_user_messages',
  is_bot_resolved: 'is_resolved and not has_user_messages',
  first_message_text: entry('text', 'place'),
  last_message_text: entry('text', 'place desc'),
  first_message_sender_type: entry('sender', 'place'),
  last_message_sender_type: entry('sender', 'place desc'),
}
