import { randomBytes } from 'node:crypto'

import { sql, type CompiledQuery } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import { qualified } from '../driver/search-path.js'
import { compile, controlName } from '../driver/statement.js'
import { dropLogTriggers } from './change-log.js'
import { beforeName, copyNames, newName, type Shape } from './copy-table.js'
import type { RebuiltTable } from './rebuilt-table.js'
import { replaceView, type DependentView } from './views.js'

/** What has to take place together with the exchange of the two tables. */
export interface Swap {
  readonly shape: Shape
  readonly views: readonly DependentView[]
  /** Statements about the old table before it is renamed, and about the new one once it has the name. */
  readonly leave: readonly CompiledQuery[]
  readonly enter: readonly CompiledQuery[]
}

/** SQLSTATE of a swap that found a change which the copy does not have yet. */
export const changedMeanwhile = '40001'

/**
 * Puts the copy in the place of the table, as one statement: a limit for its time bounds for how long the table is locked, waiting included. It
 * fails with `changedMeanwhile` where the copy lacks a change, and changes nothing then.
 */
export function swapTables(table: RebuiltTable, swap: Swap): CompiledQuery {
  const { copy, before } = copyNames(table)
  const renamed = [
    compile(sql`alter table ${tableOf(table)} rename to ${sql.id(before.name)}`),
    ...renames(table, ({ oid, name }) => [sql.id(name), beforeName(oid)], before.name),
    compile(sql`alter table ${tableOf(copy)} rename to ${sql.id(table.name)}`),
    ...renames(table, ({ oid, name }) => [newName(oid), sql.id(name)], table.name),
  ]
  const steps = [
    compile(sql`lock table ${tableOf(table)} in access exclusive mode`),
    requireNoChanges(table),
    ...dropLogTriggers(table),
    ...swap.leave,
    ...renamed,
    ...swap.views.map(replaceView),
    ...swap.enter,
    recordSwap(table, swap.shape),
    ...adoptStates(table),
  ]
  // A tag that no definition holds.
  const tag = sql.raw(`$swap_${randomBytes(12).toString('hex')}$`)
  const body = steps.map((step) => sql.raw(`${withoutParameters(step)};`))
  return compile(sql`do ${tag} begin ${sql.join(body, sql`\n`)} end ${tag}`)
}

function renames(
  table: RebuiltTable,
  names: (one: { readonly oid: string; readonly name: string }) => readonly [unknown, unknown],
  of: string,
): CompiledQuery[] {
  const { key, indexes, schema } = table
  const ofKey = key ? names(key) : undefined
  return [
    ...(ofKey
      ? [compile(sql`alter table ${sql.id(schema, of)} rename constraint ${ofKey[0]} to ${ofKey[1]}`)]
      : []),
    ...indexes.map((index) => {
      const [from, to] = names(index)
      return compile(sql`alter index ${sql.id(schema)}.${from} rename to ${to}`)
    }),
  ]
}

const requireNoChanges = (table: RebuiltTable) =>
  compile(sql`
    if exists (select 1 from ${controlName('etl_partition_changes')} where table_name = ${sql.lit(qualified(table))}) then
      raise exception 'The table has changed.' using errcode = ${sql.lit(changedMeanwhile)};
    end if`)

const recordSwap = (table: RebuiltTable, shape: Shape) =>
  compile(sql`
    update ${controlName('etl_partitioning')}
    set
      building = null,
      copy_name = null,
      begun_at = null,
      partitioned_at = ${shape === 'months' ? sql`clock_timestamp()` : sql`null`},
      before_name = ${sql.lit(qualified(copyNames(table).before))},
      before_at = clock_timestamp()
    where table_name = ${sql.lit(qualified(table))}`)

/** It holds what the last run of each pipeline has left, so that the next one need not read everything again. */
const adoptStates = (table: RebuiltTable) => [
  compile(sql`
    update ${controlName('etl_control')}
    set state = jsonb_set(
      jsonb_set(state, '{identities,table,oid}', to_jsonb(${sql.lit(qualified(table))}::regclass::oid::text)),
      '{identities,table,deletes}',
      'null'
    )
    where state #>> '{identities,table,oid}' = ${sql.lit(table.oid)}`),
  compile(
    sql`delete from ${controlName('etl_partition_months')} where table_name = ${sql.lit(qualified(table))}`,
  ),
]

function withoutParameters({ sql: text, parameters }: CompiledQuery): string {
  if (parameters.length > 0) throw new TypeError('A step of a swap has no parameters.')
  return text
}
