import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import { qualified, type TableName } from '../driver/search-path.js'
import { compile, controlName } from '../driver/statement.js'
import { partitionTime, type Grant, type RebuiltTable } from './rebuilt-table.js'

/** What a table is turned into. */
export type Shape = 'months' | 'plain'

/** The tables that a rebuilding adds, beside the months. */
export interface CopyNames {
  /** The table that is built. */
  readonly copy: TableName
  /** The default partition, of rows that no month takes. */
  readonly rest: TableName
  /** The name of the old table once it was replaced. */
  readonly before: TableName
}

export const copyNames = ({ schema, name }: TableName): CopyNames => ({
  copy: { schema, name: `${name}_new` },
  rest: { schema, name: `${name}_default` },
  before: { schema, name: `${name}_before` },
})

/** The table of one month, such as 2026-03; of rows without one the default partition. */
export const monthTable = (table: TableName, month: string): TableName =>
  month === restMonth
    ? copyNames(table).rest
    : { schema: table.schema, name: `${table.name}_${month.replace('-', '')}` }

/** Stands for the rows whose time no month has. */
export const restMonth = '0000-00'

/** Creates the table that is built, without rows and indexes, and with everything else that the old one has. */
export function createCopy(
  table: RebuiltTable,
  shape: Shape,
  { isTimeRequired }: { readonly isTimeRequired: boolean },
): CompiledQuery[] {
  const { copy, rest } = copyNames(table)
  const { owner, comment, tablespace, stored } = table.place
  const space = tablespace === null ? sql`` : sql`tablespace ${sql.id(tablespace)}`
  const like = sql`(like ${tableOf(table)} including all excluding indexes excluding statistics excluding identity)`
  const by = shape === 'months' ? sql`partition by range (${sql.id(partitionTime)})` : sql``
  const time = sql.id(partitionTime)
  return [
    compile(sql`create table ${tableOf(copy)} ${like} ${by} ${space}`),
    owned(copy, owner),
    ...(shape === 'months'
      ? [
          compile(sql`alter table ${tableOf(copy)} alter column ${time} set not null`),
          compile(sql`create table ${tableOf(rest)} partition of ${tableOf(copy)} default ${space}`),
          owned(rest, owner),
          copySettings(stored, rest),
        ]
      : isTimeRequired
        ? []
        : [compile(sql`alter table ${tableOf(copy)} alter column ${time} drop not null`)]),
    copySettings(stored, copy),
    ...table.place.grants.map((grant) => grantOn(copy, grant, owner)),
    compile(sql`comment on table ${tableOf(copy)} is ${comment === null ? sql`null` : sql.lit(comment)}`),
  ]
}

const owned = (table: TableName, owner: string) =>
  compile(sql`alter table ${tableOf(table)} owner to ${sql.id(owner)}`)

const copySettings = (from: TableName, to: TableName) =>
  compile(sql`
    select ${controlName('etl_copy_table_settings')}(
      ${qualified(from)}::text::regclass,
      ${qualified(to)}::text::regclass
    )::text as done`)

function grantOn(table: TableName, { right, column, role, canGrant }: Grant, owner: string): CompiledQuery {
  if (role === owner) return compile(sql`select 1 as kept`)
  const columns = column === null ? sql`` : sql`(${sql.id(column)})`
  const to = role === null ? sql`public` : sql.id(role)
  const more = canGrant ? sql`with grant option` : sql``
  return compile(sql`grant ${sql.raw(right)} ${columns} on ${tableOf(table)} to ${to} ${more}`)
}

/** Adds the table of a month; `created` is false where there is a table of its name. */
export const createMonth = (
  parent: TableName,
  base: TableName,
  { month, hasDateChecks }: { readonly month: string; readonly hasDateChecks: boolean },
): CompiledQuery<{ readonly created: boolean }> =>
  compile(sql<{ created: boolean }>`
    select
      ${controlName('etl_create_month')}(
        ${qualified(parent)}::text::regclass,
        ${base.name}::text,
        ${`${month}-01`}::date,
        ${sql.lit(hasDateChecks)},
        null
      ) as created`)

/** The primary key of one table, and its other indexes, with names that the server chooses. */
export function indexMonth(table: RebuiltTable, leaf: TableName): CompiledQuery[] {
  const key = keyOfShape(table, 'months').map((name) => sql.id(name))
  return [
    compile(sql`alter table ${tableOf(leaf)} add primary key (${sql.join(key)})`),
    ...table.indexes.map((index) => createIndex(index, leaf, sql``)),
  ]
}

/**
 * The primary key and the other indexes of the whole table, under names that are free while the old one has its own. Of a partitioned table they
 * are those that its months have already.
 */
export function indexCopy(table: RebuiltTable, shape: Shape): CompiledQuery[] {
  const { copy } = copyNames(table)
  const key = keyOfShape(table, shape).map((name) => sql.id(name))
  return [
    compile(
      sql`alter table ${tableOf(copy)} add constraint ${newName(table.key?.oid ?? '')} primary key (${sql.join(key)})`,
    ),
    ...table.indexes.flatMap((index) => {
      const name = newName(index.oid)
      const { comment } = index
      const commented =
        comment === null
          ? []
          : [compile(sql`comment on index ${sql.id(copy.schema)}.${name} is ${sql.lit(comment)}`)]
      return [createIndex(index, copy, name), ...commented]
    }),
  ]
}

const createIndex = (
  { isUnique, definition }: Pick<RebuiltTable['indexes'][number], 'isUnique' | 'definition'>,
  on: TableName,
  name: RawBuilder<unknown>,
) =>
  compile(
    sql`create ${sql.raw(isUnique ? 'unique' : '')} index ${name} on ${tableOf(on)} ${sql.raw(definition ?? '')}`,
  )

/** The key is unique only together with the time where the table is partitioned by it. */
export const keyOfShape = ({ key }: Pick<RebuiltTable, 'key'>, shape: Shape): readonly string[] => {
  const [first = ''] = key?.columns ?? []
  return shape === 'months' ? [first, partitionTime] : [first]
}

/** Names of an index or a constraint while it is not yet, or no longer, that of the table. */
export const newName = (oid: string) => sql.id(`etl_new_${oid}`)
export const beforeName = (oid: string) => sql.id(`etl_before_${oid}`)

/** The current month by UTC, and so many after it. */
export const monthsFromNow = (ahead: number, now = new Date()): readonly string[] =>
  Array.from({ length: ahead + 1 }, (_, number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + number, 1)).toISOString().slice(0, 7),
  )

/** With its partitions; fails where anything depends on it. */
export const dropTable = (table: TableName): CompiledQuery =>
  compile(sql`drop table if exists ${tableOf(table)}`)
