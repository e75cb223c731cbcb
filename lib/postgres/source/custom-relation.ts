import { sql, type RawBuilder } from 'kysely'

import { formatMicros, type Micros } from '../../domain/horizon.js'
import { cleaned } from './clean-cell.js'
import { protect, type Protections } from './protection.js'
import type { Column, Relation } from '../driver/catalog.js'
import type { ColumnType } from '../driver/types/column-type.js'

export interface CustomRead {
  readonly relation: Relation
  readonly key: string
  readonly changedAt: Column
  /** Time zone of that column, where it has none and holds local time; undefined for UTC. */
  readonly changedAtZone: string | undefined
  /** Columns of the target in the order of the cells. */
  readonly columns: readonly Column[]
  readonly accounts: readonly number[] | undefined
  readonly inboxes: readonly number[] | undefined
  /** Object ids of partitions whose rows are all new, whatever their stamps are. */
  readonly newParts?: readonly string[]
}

/** What a relation must not show. */
export interface Privacy {
  readonly protections: Protections
  /** Ids of contacts whose rows are left out. */
  readonly forgotten: readonly string[]
}

/** What decides which rows changed. */
type StampedRows = Pick<CustomRead, 'changedAtZone' | 'newParts'> & {
  readonly changedAt: { readonly name: string; readonly definition: Pick<ColumnType, 'kind'> }
}

/**
 * True for rows whose change stamp is at or after the low watermark, and for rows without one, as nothing shows when these change. `text` is
 * where the statement finds the low watermark. (Default: in a parameter.)
 */
export function changedSince(
  { changedAt, changedAtZone, newParts = [] }: StampedRows,
  low: Micros,
  text: RawBuilder<string> = sql`${formatMicros(low)}`,
): RawBuilder<unknown> {
  const stamp = sql`r.${sql.id(changedAt.name)}`
  const isInNewPart =
    newParts.length > 0 ? sql`or r.tableoid = any(${`{${newParts.join(',')}}`}::oid[])` : sql``
  return sql`(${stamp} >= ${boundAs(changedAt.definition, text, changedAtZone)} or ${stamp} is null ${isInNewPart})`
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
  const cells = columns.map(({ name, definition }) => {
    const from = relation.columns.find((column) => column.name === name)?.definition ?? definition
    const how = protections.get(name)
    const cell = cleaned(name, from, definition)
    const shown = how ? protect(cell, how) : cell
    // Named keys are json, and are compared as what the column is.
    return from.kind === 'jsonb' && how
      ? sql`(${shown})::jsonb as ${sql.id(name)}`
      : sql`${shown} as ${sql.id(name)}`
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

/** The bound in the type of the column, so that its index is of use. A date is rounded down. */
function boundAs(
  { kind }: Pick<ColumnType, 'kind'>,
  low: RawBuilder<string>,
  zone: string | undefined,
): RawBuilder<unknown> {
  const utc = sql`${low}::timestamp`
  if (kind === 'timestamptz') return sql`(${utc} at time zone 'UTC')`
  const bound = zone === undefined ? utc : localBound(sql`(${utc} at time zone 'UTC')`, zone)
  return kind === 'date' ? sql`${bound}::date` : bound
}

/**
 * The earliest local time from an instant on. Where clocks are set back soon after it, the same local times come a second time, and those
 * of then are earlier than that of the instant.
 */
function localBound(instant: RawBuilder<unknown>, zone: string): RawBuilder<unknown> {
  const local = (hours: number) => sql`(
    (${instant} + ${sql.lit(hours)} * interval '1 hour') at time zone ${zone}::text - ${sql.lit(hours)} * interval '1 hour'
  )`
  return sql`least(${local(0)}, ${local(3)})`
}
