import { sql, type RawBuilder } from 'kysely'

import { formatMicros, type Micros } from '../../domain/micros.js'
import { cleaned } from './clean-cell.js'
import { protect, type Protections } from './protection.js'
import type { Column, Relation } from '../driver/catalog.js'
import type { ColumnType } from '../driver/types/column-type.js'

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
  return sql`(${stamp} >= ${boundAs(changedAt.definition, low)} or ${stamp} is null)`
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

/** The bound in the type of the column, so that its index is of use. A date is rounded down. */
function boundAs({ kind }: ColumnType, low: Micros): RawBuilder<unknown> {
  const bound = sql`${formatMicros(low)}::timestamp`
  if (kind === 'timestamptz') return sql`(${bound} at time zone 'UTC')`
  return kind === 'date' ? sql`${bound}::date` : bound
}
