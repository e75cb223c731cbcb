import type { RawBuilder } from 'kysely'

import { formatMicros, type Micros } from '../domain/horizon.js'
import type { ChatwootTables } from './catalog.js'
import { sqlFile } from './feeds.js'

/** A feed whose column has no index in Chatwoot, unless the owner of the database has created one. */
export interface ScannedFeed {
  /** As states, checks and messages name it. */
  readonly name: string
  readonly table: string
  readonly column: string
  /** In db/chatwoot. */
  readonly file: string
}

const feed = (table: string, column: string, file: string): ScannedFeed => ({
  ...{ name: `${table}.${column}`, table, column },
  file: `scan-${file}.sql`,
})

/** Contacts, and the companies that they show; its rows are not ids, see contact-feed.ts. */
export const contactFeed = { ...feed('contacts', 'updated_at', ''), file: 'changed-contacts.sql' }

/** Those that the budget of lib/domain/scan-budget.ts is about. */
export const scannedFeeds: readonly ScannedFeed[] = [
  feed('conversations', 'updated_at', 'conversations'),
  feed('csat_survey_responses', 'updated_at', 'surveys'),
  contactFeed,
  feed('applied_slas', 'updated_at', 'policies'),
  feed('sla_events', 'created_at', 'breaches'),
  feed('conversation_participants', 'created_at', 'participants'),
]

/** The stamps of this one are those of the rows that are loaded. */
export const stampFeed = 'conversations.updated_at'

/** Edits of messages of any age, with a timetable of their own; see `planEdits`. */
export const editFeed = feed('messages', 'updated_at', 'messages')

/** Ids of the conversations that the feed shows from a stamp on, in no order; some of them may have been deleted meanwhile. */
export function changedSinceIn(
  { file }: Pick<ScannedFeed, 'file'>,
  since: Micros,
  tables: ChatwootTables,
): RawBuilder<{ readonly id: string | null }> {
  return sqlFile(file, { since: formatMicros(since) }, tables)
}
