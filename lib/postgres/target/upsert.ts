import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { copyStream, type BinaryRows } from '../driver/binary-copy.js'
import { tableOf, type Relation } from '../driver/catalog.js'
import type { BinaryCopy, Cells, Session } from '../driver/session.js'
import { compile, plain } from '../driver/statement.js'
import { comparedColumns, equality, isLooseKey, isRespelled, isSameKey, stageName } from './load-plan.js'
import type { LoadPlan } from './load-plan.js'
import { exactColumns, withExact } from './lossy-columns.js'

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

export interface StageOptions {
  /** The stage itself rejects what the table would reject, as nothing is written to that; all but rules that look at other rows of the table. */
  readonly dryRun: boolean
}

/** Creates the temporary table through which batches are loaded; it is emptied at each commit, without a trace in the catalog or the WAL. */
export async function createStage(target: Session, plan: LoadPlan, options: StageOptions): Promise<void> {
  await target.together(stageQueries(plan, options))
}

/** The same for a caller who shares the round trip. */
export function stageQueries(plan: LoadPlan, { dryRun }: StageOptions): CompiledQuery[] {
  const { table, columns } = plan
  const names = sql.join(columns.map(({ name }) => sql.id(name)))
  const like = sql`(like ${tableOf(table)} including all) on commit delete rows`
  const bare = sql`on commit delete rows as select ${names} from ${tableOf(table)} with no data`
  return [
    // The default holds no whole batch, and would write it to disk. It can only be set before the session's first temporary table.
    plain(`do $$ begin set temp_buffers = '64MB'; exception when others then null; end $$`),
    compile(sql`create temp table ${sql.id(stageName)} ${dryRun ? like : bare}`),
    // By default each row above 2 KB is compressed on its way in. The limit depends on the size of the server's pages.
    plain(
      `do $$ begin alter table ${stageName} set (toast_tuple_target = 8160); exception when others then null; end $$`,
    ),
    ...exactOf(plan).map(({ name, type }) =>
      compile(sql`alter table ${sql.id(stageName)} add column ${sql.id(name)} ${sql.raw(type)}`),
    ),
  ]
}

const exactOf = (plan: LoadPlan) => (plan.lossy.length > 0 ? exactColumns(plan) : [])

/** Empties the stage, which has to happen before the next batch of one transaction. */
export const clearStage = `truncate ${stageName}`

/** Where rows are put: the stage, or the table itself behind everything that it holds, where a key that exists fails with SQLSTATE 23505. */
export type Destination = 'stage' | 'table'

/** Puts rows into the stage or the table. */
export async function putRows(
  target: Session,
  plan: LoadPlan,
  rows: readonly Cells[],
  into: Destination,
): Promise<void> {
  const isExact = into === 'stage' && plan.lossy.length > 0
  await target.fill(destinationOf(plan, into), isExact ? withExact(plan, rows) : rows)
}

/** The same with rows that the source sent in binary. */
export async function putBinaryRows(
  copy: BinaryCopy,
  plan: LoadPlan,
  rows: BinaryRows,
  into: Destination,
): Promise<void> {
  await copy.into(destinationOf(plan, into), copyStream(rows))
}

function destinationOf(plan: LoadPlan, into: Destination) {
  const { schema, name, writing } = plan.table
  const isIdentity = writing.identities.includes(plan.key)
  const columns = plan.columns.map((column) => ({ name: column.name, type: column.definition.bare }))
  return into === 'stage'
    ? { name: stageName, columns: [...columns, ...exactOf(plan)], isIdentity }
    : { schema, name, columns, isIdentity }
}

/** Whether no row of the target has a key after this one; with null, whether it has no row at all. */
export async function isEmptyBehind(
  target: Session,
  { table, key, columns }: LoadPlan,
  after: string | null,
): Promise<boolean> {
  const type = columns.find(({ name }) => name === key)?.type ?? 'text'
  const behind = after === null ? sql`true` : sql`${sql.id(key)} > ${after}::${sql.raw(type)}`
  const [row] = await target.rows(
    compile(
      sql<{
        is_empty: boolean
      }>`select not exists (select 1 from ${tableOf(table)} where ${behind}) as is_empty`,
    ),
  )
  return row?.is_empty ?? false
}

/**
 * Brings the target to the content of the stage, in the transaction that is open. Rows that are equal already are neither written nor
 * locked. Content decides, never "newer than": a later write can carry an older stamp. Equal means the same bytes, so that a number
 * that changes from 1 to 1.0 arrives.
 */
export async function upsertStage(target: Session, plan: LoadPlan): Promise<Written> {
  return toWritten(await target.rows(compile(upsert(plan, differing(plan)))))
}

/** The same for a stage of which `pruneStage` has left only what has to be written, with the spelling of the keys. */
export async function writeStage(target: Session, plan: LoadPlan): Promise<Written> {
  return toWritten(await target.rows(compile(upsert(plan, sql`from ${sql.id(stageName)} s`))))
}

/** Removes from the stage the rows that the target holds already. */
export async function pruneStage(target: Session, plan: LoadPlan): Promise<void> {
  await target.rows(
    compile(sql`
      delete from ${sql.id(stageName)} s
      using ${tableOf(plan.table)} t
      where ${matching(plan)}
        and not (${isDifferent(plan)})`),
  )
}

/** What `upsertStage` would do, without doing it. */
export async function countStage(target: Session, plan: LoadPlan): Promise<Written> {
  return toWritten(
    await target.rows(
      compile(sql<WrittenRow>`
    select
      (count(*) filter (where t.${sql.id(plan.key)} is null))::integer as inserted,
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
    from ${sql.id(stageName)} s
    left join ${tableOf(plan.table)} t on ${matching(plan)}
    where s.${stamp} is distinct from t.${stamp}
      -- A stamp of the far future is not late, and its microseconds may be too many for a bigint.
      and s.${stamp} > '-infinity'
      and s.${stamp} < '9999-01-01'
      ${isNew}`),
  )
  return row?.oldest ? Number(row.oldest) : null
}

function upsert(plan: LoadPlan, rows: RawBuilder<unknown>): RawBuilder<WrittenRow> {
  const { table, key, columns } = plan
  const names = columns.map(({ name }) => sql.id(name))
  const isLoose = isLooseKey(plan)
  const assignments = columns.flatMap(({ name }) =>
    name === key && !isLoose ? [] : [sql`${sql.id(name)} = excluded.${sql.id(name)}`],
  )
  if (has(table, 'etl_updated_at')) assignments.push(sql`etl_updated_at = now()`)
  if (has(table, 'deleted_at')) assignments.push(sql`deleted_at = null`)
  const action = assignments.length > 0 ? sql`do update set ${sql.join(assignments)}` : sql`do nothing`
  return sql<WrittenRow>`
    with written as (
      insert into ${tableOf(table)} (${sql.join(names)}) ${overriding(plan)}
      select ${sql.join(columns.map(({ name }) => sql`s.${sql.id(name)}`))}
      ${rows}
      on conflict (${sql.id(key)}) ${action}
      returning (xmax = 0) as is_new, ${sql.id(key)}::text as key
    )
    select
      (count(*) filter (where is_new))::integer as inserted,
      count(*)::integer as written,
      ${isLoose ? countRespelled(plan) : sql`0`} as respelled,
      ${table.writing.hasTriggers ? sql`json_agg(key)::text` : sql`null::text`} as keys,
      max(key) as key
    from written`
}

/** A key that is an identity takes its value only so. */
const overriding = ({ table, key }: LoadPlan) =>
  table.writing.identities.includes(key) ? sql`overriding system value` : sql``

const countRespelled = (plan: LoadPlan) => sql`(
        select count(*)::integer
        from ${sql.id(stageName)} s
        join ${tableOf(plan.table)} t on ${matching(plan)}
        where ${isOtherSpelling(plan)}
      )`

/** Staged rows that the target lacks, holds with other content, or holds as deleted. */
function differing(plan: LoadPlan, which?: 'with respelled'): RawBuilder<unknown> {
  const isWanted =
    isLooseKey(plan) && which === undefined
      ? sql`(${isDifferent(plan)}) and not (${isOtherSpelling(plan)})`
      : isDifferent(plan)
  return sql`
      from ${sql.id(stageName)} s
      left join ${tableOf(plan.table)} t on ${matching(plan)}
      where t.${sql.id(plan.key)} is null
        or ${isWanted}`
}

/** Whether a row of the target is not what was staged. */
function isDifferent(plan: LoadPlan): RawBuilder<unknown> {
  const isDeleted = has(plan.table, 'deleted_at') ? sql`t.deleted_at is not null or ` : sql``
  const isOther = isLooseKey(plan) ? sql`${isOtherSpelling(plan)} or ` : sql``
  return sql`${isDeleted}${isOther}${isOtherContent(plan)}`
}

const isOtherSpelling = ({ key }: LoadPlan) => isRespelled(sql`s.${sql.id(key)}`, sql`t.${sql.id(key)}`)

/**
 * Whether two rows hold other bytes. Column by column where equal means the same bytes, which costs half of comparing whole rows; the
 * others, such as numeric, to which 1 and 1.0 are equal, by their image.
 */
function isOtherContent(plan: LoadPlan): RawBuilder<unknown> {
  const pairs = comparedColumns(plan).flatMap(({ name, definition }) =>
    name === plan.key ? [] : [{ name: sql.id(name), definition }],
  )
  const plain = pairs.flatMap(({ name, definition }) => {
    const kind = equality(definition)
    if (kind === 'image') return []
    const collation = kind === 'text' ? sql` collate "C"` : sql``
    return [sql`s.${name}${collation} is distinct from t.${name}`]
  })
  const inexact = pairs.flatMap(({ name, definition }) => (equality(definition) === 'image' ? [name] : []))
  const row = (alias: string) =>
    sql`row(${sql.join(inexact.map((name) => sql`${sql.id(alias)}.${name}`))})::record`
  const image = inexact.length > 0 ? [sql`${row('s')} *<> ${row('t')}`] : []
  return sql`(${sql.join([sql`false`, ...plain, ...image], sql`\n          or `)})`
}

const matching = (plan: LoadPlan) => isSameKey(plan, sql`t.${sql.id(plan.key)}`, sql`s.${sql.id(plan.key)}`)

const has = (table: Relation, column: string) => table.columns.some(({ name }) => name === column)
