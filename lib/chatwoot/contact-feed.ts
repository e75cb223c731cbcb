import { sql, type RawBuilder } from 'kysely'

import { formatMicros, type Micros } from '../domain/horizon.js'
import type { ChatwootTables } from './catalog.js'
import { sqlFile } from './feeds.js'

/** What a conversation shows of its contact alone: the columns of db/chatwoot/row-contact.sql. */
export const contactColumns: readonly string[] = [
  'contact_name',
  'contact_email',
  'contact_phone',
  'contact_identifier',
  'has_contact',
  'contact_city',
  'contact_country',
  'contact_country_code',
  'contact_company',
  'contact_blocked',
  'contact_type',
  'contact_custom_attributes',
]

/** A contact that changed, and the ids of the conversations that show it, as the texts of arrays; null for none. */
export interface ChangedContact {
  readonly contact_id: string
  /** Of what a conversation shows of its contact; null where nothing is compared. */
  readonly contact_print: string | null
  /** Of what a conversation shows of the contact who wrote first. */
  readonly client_print: string | null
  /** Conversations of the contact. */
  readonly own_ids: string | null
  /** Other conversations in which the contact wrote. */
  readonly other_ids: string | null
  /** Those of them that do not exist any more. */
  readonly lost_ids: string | null
}

/** Fingerprints over `r`, a row of db/chatwoot/row-contact.sql: of what a conversation shows of its contact, and of the one who wrote first. */
export interface ContactPrints {
  readonly contact: RawBuilder<unknown>
  readonly client: RawBuilder<unknown>
}

/** The contacts that changed since the bound, or whose company did, in no order. */
export function changedContacts(
  { tables, since }: { readonly tables: ChatwootTables; readonly since: Micros },
  prints: ContactPrints = { contact: sql`null`, client: sql`null` },
): RawBuilder<ChangedContact> {
  const values = { since: formatMicros(since), contact_print: prints.contact, client_print: prints.client }
  return sqlFile('changed-contacts.sql', values, tables)
}

/**
 * What `empty_texts` says of a contact: over `r`, and over a row `t` of the target. In the part about the contact of a conversation, and in
 * the one about the contact who wrote first.
 */
export const emptyTexts = {
  contact: {
    loaded: sql`r.empty_texts::text`,
    stored: sql`coalesce(array_remove(array_remove(t.empty_texts::text[], 'assignee_email'), 'client_phone'), '{}')::text`,
  },
  client: {
    loaded: sql`('contact_phone' = any(r.empty_texts))::text`,
    stored: sql`coalesce('client_phone' = any(t.empty_texts::text[]), false)::text`,
  },
}
