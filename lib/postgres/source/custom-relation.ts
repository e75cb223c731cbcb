import { sql, type RawBuilder } from 'kysely'

import { formatMicros, type Micros } from '../../domain/micros.js'
import { protect, type Protections } from './protection.js'
import type { Column, Relation } from '../driver/catalog.js'

/** Columns of a conversation in which an empty text means that there is none. */
const identifiers = new Set([
  'assignee_email',
  'contact_email',
  'contact_phone',
  'contact_identifier',
  'client_phone',
])

export interface CustomRead {
  readonly relation: Relation
  readonly key: string
  readonly changedAt: Column
  /** Columns of the target in the order of the cells. */
  readonly columns: readonly Column[]
  readonly accounts: readonly number[] | undefined
  readonly inboxes: readonly number[] | undefined
}

/** What a relation must not show. */
export interface Privacy {
  readonly protections: Protections
  /** Ids of contacts whose rows are left out. */
  readonly forgotten: readonly string[]
}

/** True for rows whose change stamp is at or after the low watermark, and for rows without one, as nothing shows when these change. */
export function changedSince({ changedAt }: CustomRead, low: Micros): RawBuilder<unknown> {
  const stamp = sql`r.${sql.id(changedAt.name)}`
  return sql`(${stamp} >= ${boundAs(changedAt.type, low)} or ${stamp} is null)`
}

/** Keys of all rows. */
export function allKeys(read: CustomRead, { forgotten }: Pick<Privacy, 'forgotten'>): RawBuilder<unknown> {
  const key = sql`r.${sql.id(read.key)}`
  return sql`select ${key}::text as key from ${sql.id(read.relation.schema, read.relation.name)} r where ${inFilter(read, forgotten)} order by ${key}`
}

/** The rows of the filter under a condition on `r`, cleaned and protected, in no order. */
export function rows(
  read: CustomRead,
  condition: RawBuilder<unknown>,
  { protections, forgotten }: Privacy,
): RawBuilder<unknown> {
  const { relation, columns } = read
  const cells = columns.map(({ name, type }) => {
    const from = relation.columns.find((column) => column.name === name)?.type ?? type
    const how = protections.get(name)
    const cell = cleaned(name, from, type)
    return sql`${how ? protect(cell, how) : cell} as ${sql.id(name)}`
  })
  return sql`
    select ${sql.join(cells)}
    from ${sql.id(relation.schema, relation.name)} r
    where ${condition} and ${inFilter(read, forgotten)}`
}

function inFilter(
  { relation, accounts, inboxes }: CustomRead,
  forgotten: readonly string[],
): RawBuilder<unknown> {
  const among = (column: string, ids: readonly number[] | undefined) =>
    ids ? [sql`r.${sql.id(column)} = any(${`{${ids.join(',')}}`}::bigint[])`] : []
  const isNotForgotten = (column: string) => {
    const id = sql`r.${sql.id(column)}`
    return sql`(${id} is null or ${id}::text <> all(${`{${forgotten.join(',')}}`}::text[]))`
  }
  const contacts = relation.columns.filter(({ name }) => ['contact_id', 'client_sender_id'].includes(name))
  const others = forgotten.length > 0 ? contacts.map(({ name }) => isNotForgotten(name)) : []
  const wanted = [...among('account_id', accounts), ...among('inbox_id', inboxes)]
  return sql.join([sql`true`, ...wanted, ...others], sql` and `)
}

/** An escaped NUL: one behind an even number of backslashes, as those of an odd number are a backslash and a text. */
const nulEscape = String.raw`(?<!\\)((?:\\\\)*)\\u0000`

/**
 * What a target cannot hold or an analyst cannot use becomes NULL: NaN and infinite numbers, infinite times, empty texts where the
 * target's column is no text or names a person. NUL escapes, which jsonb rejects, are removed from json.
 */
function cleaned(name: string, from: string, to: string): RawBuilder<unknown> {
  const cell = sql`r.${sql.id(name)}`
  if (/^(numeric|real|double precision)/.test(from)) {
    // Only a finite number less itself is zero. Release 13 does not know an infinite numeric even by name.
    return sql`case when ${cell} - ${cell} = 0 then ${cell} end`
  }
  if (/^(timestamp|date)/.test(from)) return sql`case when isfinite(${cell}) then ${cell} end`
  if (to === 'jsonb' && (from === 'json' || isText(from))) {
    return sql`regexp_replace(nullif(${cell}::text, ''), ${sql.lit(nulEscape)}, ${sql.lit(String.raw`\1`)}, 'g')`
  }
  if (from === 'boolean' && isText(to)) return sql`${cell}::text`
  if (isText(from) && (!isText(to) || identifiers.has(name))) return sql`nullif(${cell}::text, '')`
  return cell
}

export function isText(type: string): boolean {
  return /^(text|character|"char"|name|citext)/.test(type)
}

/** The bound in the type of the column, so that its index is of use. A date is rounded down. */
function boundAs(type: string, low: Micros): RawBuilder<unknown> {
  const bound = sql`${formatMicros(low)}::timestamp`
  if (type.endsWith('with time zone')) return sql`(${bound} at time zone 'UTC')`
  return type === 'date' ? sql`${bound}::date` : bound
}
