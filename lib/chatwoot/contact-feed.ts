import type { RawBuilder } from 'kysely'

import { formatMicros } from '../domain/horizon.js'
import { sqlFile, type FeedBounds } from './feeds.js'

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

/** Expressions over `r`, a row of db/chatwoot/row-contact.sql. */
export interface ContactPrints {
  readonly contactPrint: RawBuilder<unknown>
  readonly clientPrint: RawBuilder<unknown>
}

/** The contacts that changed since the bound, or whose company did, in no order. */
export function changedContacts(
  { tables, low }: Pick<FeedBounds, 'tables' | 'low'>,
  { contactPrint, clientPrint }: ContactPrints,
): RawBuilder<ChangedContact> {
  const values = { low: formatMicros(low), contact_print: contactPrint, client_print: clientPrint }
  return sqlFile('changed-contacts.sql', values, tables)
}
