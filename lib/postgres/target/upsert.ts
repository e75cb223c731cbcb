import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { tableOf, type Column, type Relation } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { isBuiltIn, isOneOf } from '../driver/types/column-type.js'
import {
  differing,
  hasKeyInTable,
  isDifferent,
  isNew,
  isOtherSpelling,
  isSameRow,
  stagedBesideHeld,
} from './stage.js'
import { canSoftDelete, isLooseKey, isSameKey, partitionColumns, stageName } from './load-plan.js'
import type { LoadPlan } from './load-plan.js'

export interface Written {
  readonly inserted: number
  readonly updated: number
  /** Rows that were left, as the target has their key in another spelling: whether it is a row of its own, the source knows. */
  readonly respelled: number
  /** Keys of the rows that were stored; only of a table with triggers, which may leave rows out. */
  readonly keys: readonly string[]
  /** Key of one of the rows that were written; null where none was. */
  readonly key: string | null
}

/**
 * Brings the target to the content of the stage, in the transaction that is open. Rows that are equal already are neither written nor
 * locked. Content decides, never "newer than": a later write can carry an older stamp. Equal means the same bytes, so that a number
 * that changes from 1 to 1.0 arrives.
 */
export async function upsertStage(target: Session, plan: LoadPlan): Promise<Written> {
  return write(target, plan, differing(plan))
}

/** The same for a stage of which `pruneStage` has left only what has to be written, with the spelling of the keys. */
export async function writeStage(target: Session, plan: LoadPlan): Promise<Written> {
  return write(target, plan, differing(plan, 'with respelled'))
}

/** Rows that move are written by themselves before the others, as one statement would not see what the other has moved. */
async function write(target: Session, plan: LoadPlan, rows: RawBuilder<unknown>): Promise<Written> {
  const statement = compile(upsert(plan, rows))
  const moving = moveRows(plan)
  if (!moving) return toWritten(await target.rows(statement))
  const [moved, others] = await target.together([moving, statement])
  const written = toWritten(others)
  const keys = moved.map(({ key }) => key)
  return {
    ...written,
    updated: written.updated + moved.length,
    keys: plan.table.writing.hasTriggers ? [...written.keys, ...keys] : [],
    key: written.key ?? keys.at(-1) ?? null,
  }
}

/** Removes from the stage the rows that the target holds already. */
export async function pruneStage(target: Session, plan: LoadPlan): Promise<void> {
  await target.rows(
    compile(sql`
      delete from ${sql.id(stageName)} s
      using ${tableOf(plan.table)} t
      where ${isSameRow(plan)}
        and not (${isDifferent(plan)})`),
  )
}

/** What `upsertStage` would do, without doing it. */
export async function countStage(target: Session, plan: LoadPlan): Promise<Written> {
  return toWritten(
    await target.rows(
      compile(sql<WrittenRow>`
    select
      (count(*) filter (where ${isNew(plan)}))::integer as inserted,
      count(*)::integer as written,
      0 as respelled,
      null::text as keys,
      null::text as key
    ${differing(plan, 'with respelled')}`),
    ),
  )
}

/** Keys of the staged rows that the target does not hold as they are, after they were written. */
export async function differingKeys(target: Session, plan: LoadPlan): Promise<readonly string[]> {
  const rows = await target.rows(
    compile(sql<{ key: string }>`
      select s.${sql.id(plan.key)}::text as key
      ${differing(plan, 'with respelled')}`),
  )
  return rows.map(({ key }) => key)
}

interface WrittenRow {
  readonly inserted: number
  readonly written: number
  readonly respelled: number
  /** JSON. */
  readonly keys: string | null
  readonly key: string | null
}

const nothing: WrittenRow = { inserted: 0, written: 0, respelled: 0, keys: null, key: null }

function toWritten([row]: readonly WrittenRow[]): Written {
  const { inserted, written, respelled, keys, key } = row ?? nothing
  return { inserted, updated: written - inserted, respelled, keys: JSON.parse(keys ?? '[]'), key }
}

/**
 * The oldest change stamp, in microseconds, among the staged rows whose stamp differs from the target's; null without one.
 * How far it lies before the low watermark without its allowance shows how much of `skewAllowance` is used. Call it before the upsert. Rows
 * that are read again because they were rejected before, `retried`, do not count.
 */
export async function oldestMovedStamp(
  target: Session,
  plan: LoadPlan,
  retried: readonly string[],
): Promise<number | null> {
  if (plan.changedAt === undefined) return null
  const keys = sql`select json_array_elements_text(${JSON.stringify(retried)}::json)`
  const isNew = retried.length > 0 ? sql`and s.${sql.id(plan.key)}::text not in (${keys})` : sql``
  const { column, zone } = plan.changedAt
  const stamp = sql.id(column)
  const oldest =
    zone === undefined ? sql`min(s.${stamp})` : sql`min(s.${stamp})::timestamp at time zone ${zone}::text`
  const [row] = await target.rows(
    compile(sql<{ oldest: string | null }>`
    select (extract(epoch from ${oldest}) * 1000000)::bigint::text as oldest
    ${stagedBesideHeld(plan)}
    where s.${stamp} is distinct from t.${stamp}
      ${hasMovedOnly(plan, stamp)}
      -- A stamp of the far future is not late, and its microseconds may be too many for a bigint.
      and s.${stamp} > '-infinity'
      and s.${stamp} < '9999-01-01'
      ${isNew}`),
  )
  return row?.oldest ? Number(row.oldest) : null
}

/** Leaves out rows whose stamp is the same, and that belong to another partition than before. */
function hasMovedOnly(plan: LoadPlan, stamp: RawBuilder<unknown>): RawBuilder<unknown> {
  if (partitionColumns(plan).length === 0) return sql``
  return sql`and (t.${sql.id(plan.key)} is not null or not ${hasKeyInTable(plan, sql`and m.${stamp} = s.${stamp}`)})`
}

/**
 * Inserts or updates staged rows. Which of them are new is known before, as no partitioned table returns a system column; of each only its
 * place is kept, as whole rows would be written to disk.
 */
function upsert(plan: LoadPlan, rows: RawBuilder<unknown>): RawBuilder<WrittenRow> {
  const { table, key } = plan
  const { hasTriggers } = table.writing
  const { names, values, action } = partsOf(plan)
  const unique = [key, ...partitionColumns(plan)].map((name) => sql.id(name))
  const isMissing = sql`t.${sql.id(key)} is null`
  return sql<WrittenRow>`
    with differing as materialized (
      select
        s.ctid as place,
        s.${sql.id(key)}::text as key,
        ${hasTriggers ? isNew(plan) : isMissing} as is_new,
        not (${isMissing}) as is_held
      ${rows}
    ),
    written as (
      insert into ${tableOf(table)} as h (${sql.join(names)}) ${overriding(plan)}
      select ${sql.join(values)}
      from ${sql.id(stageName)} s
      where s.ctid = any(array(
          select d.place
          from differing d
          -- A row that is neither is one that a trigger did not let move to its partition, and must not come twice.
          where d.is_new or d.is_held
        ))
      on conflict (${sql.join(unique)}) ${action}
      returning h.${sql.id(key)}::text as key
    )
    select
      ${hasTriggers ? countNewAmong : countNew} as inserted,
      count(*)::integer as written,
      ${isLooseKey(plan) ? countRespelled(plan) : sql`0`} as respelled,
      ${hasTriggers ? sql`json_agg(key)::text` : sql`null::text`} as keys,
      max(key) as key
    from written`
}

/**
 * Brings the rows to the content of the stage whose value changed by which the table is partitioned: the upsert, whose unique index contains
 * that value, would not see them and add a second row of their key. One row for each that was moved; undefined for a table without such
 * columns.
 */
function moveRows(plan: LoadPlan): CompiledQuery<{ readonly key: string }> | undefined {
  if (partitionColumns(plan).length === 0) return undefined
  const { table, key, columns } = plan
  const isLoose = isLooseKey(plan)
  const assignments = columns.flatMap(({ name }) =>
    name === key && !isLoose ? [] : [sql`${sql.id(name)} = s.${sql.id(name)}`],
  )
  if (table.columns.some(({ name }) => name === 'etl_updated_at'))
    assignments.push(sql`etl_updated_at = now()`)
  if (canSoftDelete(plan)) assignments.push(sql`deleted_at = null`)
  // As an array, by which the few rows are looked up, and not joined with all partitions.
  const isAmong = isLoose ? sql`` : sql`and t.${sql.id(key)} = any(array(select m.key from moved m))`
  return compile(sql<{ key: string }>`
    with moved as materialized (
      select s.${sql.id(key)} as key
      ${missingRows(plan)}
        and ${hasKeyInTable(plan)}
    )
    update ${tableOf(table)} t
    set ${sql.join(assignments)}
    from ${sql.id(stageName)} s
    join moved m on ${isSameKey(plan, sql`m.key`, sql`s.${sql.id(key)}`)}
    where ${isSameKey(plan, sql`t.${sql.id(key)}`, sql`s.${sql.id(key)}`)}
      ${isAmong}
    returning t.${sql.id(key)}::text as key`)
}

/** Staged rows that the table does not hold where they belong. */
const missingRows = (plan: LoadPlan) => sql`
      from ${sql.id(stageName)} s
      where not exists (
          select 1
          from ${tableOf(plan.table)} e
          where ${isSameRow(plan, 'e')}
        )`

/** The columns and values that are inserted, and what becomes of a row that exists. */
function partsOf(plan: LoadPlan) {
  const { table, key, columns } = plan
  const names = columns.map(({ name }) => sql.id(name))
  const values = columns.map(({ name }) => sql`s.${sql.id(name)}`)
  const assignments = columns.flatMap((column) =>
    column.name === key && !isLooseKey(plan) ? [] : [assignment(plan, column)],
  )
  if (has(table, 'etl_updated_at')) {
    names.push(sql.id('etl_updated_at'))
    values.push(sql`now()`)
    // A distributed table takes no function here.
    assignments.push(sql`etl_updated_at = excluded.etl_updated_at`)
  }
  if (canSoftDelete(plan)) assignments.push(sql`deleted_at = null`)
  const action = assignments.length > 0 ? sql`do update set ${sql.join(assignments)}` : sql`do nothing`
  return { names, values, action }
}

/**
 * What becomes of a column of a row that exists. A large value that is equal already stays the one that is stored: a new one would be compressed
 * and written once more, which takes a third of the time of an update. A distributed table might not take it.
 */
function assignment({ table }: LoadPlan, { name, definition }: Column): RawBuilder<unknown> {
  const column = sql.id(name)
  const isLarge = isBuiltIn(definition) && isOneOf(definition.kind, 'json', 'jsonb', 'bytea')
  if (!isLarge || table.writing.isDistributed) return sql`${column} = excluded.${column}`
  const isEqual = sql`pg_catalog.record_image_eq(row(h.${column})::record, row(excluded.${column})::record)`
  return sql`${column} = case when ${isEqual} then h.${column} else excluded.${column} end`
}

const countNew = sql`(
        select count(*)::integer
        from differing d
        where d.is_new
      )`

/** A trigger may have left rows out. */
const countNewAmong = sql`(
        select count(*)::integer
        from differing d
        join written w on w.key = d.key
        where d.is_new
      )`

/** A key that is an identity takes its value only so. */
const overriding = ({ table, key }: LoadPlan) =>
  table.writing.identities.includes(key) ? sql`overriding system value` : sql``

const countRespelled = (plan: LoadPlan) => sql`(
        select count(*)::integer
        from ${sql.id(stageName)} s
        join ${tableOf(plan.table)} t on ${isSameRow(plan)}
        where ${isOtherSpelling(plan)}
      )`

const has = (table: Relation, column: string) => table.columns.some(({ name }) => name === column)
