import type { RawBuilder } from 'kysely'

import { formatMicros, type Micros } from '../domain/micros.js'
import { arrayOf } from './conversation-row.js'
import { template } from './template.js'

type Fingerprints = Readonly<Record<string, string>>

/** A fingerprint of each agent, team, inbox and account, by table and id. */
export interface SmallTables {
  readonly users: Fingerprints
  readonly teams: Fingerprints
  readonly inboxes: Fingerprints
  readonly accounts: Fingerprints
}

/** Every agent, team, inbox and account: table, id, fingerprint, time zone. */
export const smallTables = (): RawBuilder<unknown> => template('small-tables.sql', {})

/** Reads the rows of `smallTables`. */
export function toSmallTables(rows: readonly (readonly (string | null)[])[]): SmallTables {
  const of = (table: string): Fingerprints =>
    Object.fromEntries(rows.flatMap(([name, id, print]) => (name === table ? [[id ?? '', print ?? '']] : [])))
  return { users: of('users'), teams: of('teams'), inboxes: of('inboxes'), accounts: of('accounts') }
}

/** The time zones that stand on inboxes, of the rows of `smallTables`. */
export function timeZonesOf(rows: readonly (readonly (string | null)[])[]): string[] {
  return [...new Set(rows.flatMap(([, , , zone]) => (zone ? [zone] : [])))]
}

/** Messages, about. */
export function messagesOf(rows: readonly (readonly (string | null)[])[]): number {
  return Number(rows.find(([name]) => name === 'messages')?.[2] ?? Infinity)
}

/** Which edited messages a run looks for. */
export interface EditBounds {
  /** Only among messages created since then; null for all. */
  readonly among: Micros | null
  readonly since: Micros
}

export interface FeedBounds {
  readonly low: Micros
  readonly edits: EditBounds
  readonly before: SmallTables
  readonly now: SmallTables
}

/**
 * Ids of the conversations of which a part changed since the bound, in no order; among them ids of conversations that are gone.
 * Which change shows through which column, and which through none, stands beside the SQL and in the README.
 */
export function changedConversations({ low, edits, before, now }: FeedBounds): RawBuilder<unknown> {
  return template('changed-conversations.sql', {
    low: formatMicros(low),
    edited_among: edits.among === null ? '-infinity' : formatMicros(edits.among),
    edited_since: formatMicros(edits.since),
    users: arrayOf(changedIds(before.users, now.users)),
    teams: arrayOf(changedIds(before.teams, now.teams)),
    inboxes: arrayOf(changedIds(before.inboxes, now.inboxes)),
    accounts: arrayOf(changedIds(before.accounts, now.accounts)),
  })
}

/** New, changed and gone. */
function changedIds(before: Fingerprints, now: Fingerprints): string[] {
  const ids = new Set([...Object.keys(before), ...Object.keys(now)])
  return [...ids].filter((id) => before[id] !== now[id])
}
