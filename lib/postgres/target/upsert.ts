import { CompiledQuery, sql, type RawBuilder } from 'kysely'

import { equality } from '../driver/column-types.js'
import { copyStream, type Tuples } from '../driver/copy-tuples.js'
import type { Column, Relation } from '../driver/catalog.js'
import type { BinaryCopy, Cells, Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** Where rows go, and which columns. */
export interface LoadPlan {
  readonly table: Relation
  readonly key: string
  /** Columns that are written, the key among them, in the order of the cells. */
  readonly columns: readonly Column[]
  /** Which rows of the table are this pipeline's, by the values of columns; others are left alone. None for all of them. */
  readonly scope: readonly { readonly column: string; readonly values: readonly number[] }[]
  /** The column of the target that holds the change stamp. */
  readonly changedAt: string | undefined
}

export interface Written {
  readonly inserted: number
  readonly updated: number
}

export const stageName = 'chatwoot_sync_stage'

export interface StageOptions {
  /** The stage itself refuses what the table would refuse, as nothing goes on from it; all but rules that look at other rows of the table. */
  readonly isRehearsal: boolean
}

/** Makes the temporary table through which batches go; it empties itself at each commit, without a trace in the catalog or the WAL. */
export async function createStage(target: Session, plan: LoadPlan, options: StageOptions): Promise<void> {
  await target.together(stageQueries(plan, options))
}

/** The same for a caller who has more to ask in the same round trip. */
export function stageQueries({ table, columns }: LoadPlan, { isRehearsal }: StageOptions): CompiledQuery[] {
  const names = sql.join(columns.map(({ name }) => sql.id(name)))
  const like = sql`(like ${tableOf(table)} including all) on commit delete rows`
  const bare = sql`on commit delete rows as select ${names} from ${tableOf(table)} with no data`
  return [
    // The default holds no whole batch, and would write it to disk. It can only be set before the session's first temporary table.
    CompiledQuery.raw(`do $$ begin set temp_buffers = '64MB'; exception when others then null; end $$`),
    compile(sql`create temp table ${sql.id(stageName)} ${isRehearsal ? like : bare}`),
    // By default each row above 2 KB is compressed on its way in. The limit depends on the size of the server's pages.
    CompiledQuery.raw(
      `do $$ begin alter table ${stageName} set (toast_tuple_target = 8160); exception when others then null; end $$`,
    ),
  ]
}

/** Empties the stage, which has to happen before the next batch of one transaction. */
export const clearStage = `truncate ${stageName}`

/** Fills the stage with one batch. */
export async function stageRows(
  target: Session,
  { columns }: LoadPlan,
  rows: readonly Cells[],
): Promise<void> {
  await target.stage({ name: stageName, columns }, rows)
}

/** The same with rows that the source sent in binary. */
export async function stageTuples(
  copy: BinaryCopy,
  { columns }: LoadPlan,
  tuples: Pick<Tuples, 'pieces'>,
): Promise<void> {
  await copy.into({ name: stageName, columns }, copyStream(tuples))
}

/** Whether no row of the target has a key behind this one; null asks whether it has any row. */
export async function isEmptyBehind(
  target: Session,
  { table, key, columns }: LoadPlan,
  after: string | null,
): Promise<boolean> {
  const type = columns.find(({ name }) => name === key)?.type ?? 'text'
  const behind = after === null ? sql`true` : sql`${sql.id(key)} > ${after}::${sql.raw(type)}`
  const [row] = await target.rows(
    compile(sql`select (not exists (select from ${tableOf(table)} where ${behind}))::text`),
  )
  return row?.[0] === 'true'
}

/** Puts rows straight into the table, for a load behind everything that it holds. A key that is there already fails with SQLSTATE 23505. */
export async function appendRows(target: Session, plan: LoadPlan, rows: readonly Cells[]): Promise<void> {
  await target.stage({ ...plan.table, columns: plan.columns }, rows)
}

/** The same with rows that the source sent in binary. */
export async function appendTuples(
  copy: BinaryCopy,
  plan: LoadPlan,
  tuples: Pick<Tuples, 'pieces'>,
): Promise<void> {
  await copy.into({ ...plan.table, columns: plan.columns }, copyStream(tuples))
}

/**
 * Brings the target to the content of the stage, in the transaction that is open. Rows that are equal already are neither written nor
 * locked. Content decides, never "newer than": a later write can carry an older stamp. Equal means the same bytes, so that a number
 * that changes from 1 to 1.0 arrives.
 */
export async function upsertStage(target: Session, plan: LoadPlan): Promise<Written> {
  const [row] = await target.rows(compile(upsert(plan)))
  const inserted = Number(row?.[0] ?? 0)
  return { inserted, updated: Number(row?.[1] ?? 0) - inserted }
}

/** What `upsertStage` would do, without doing it. */
export async function countStage(target: Session, plan: LoadPlan): Promise<Written> {
  const [row] = await target.rows(
    compile(sql`
    select
      (count(*) filter (where t.${sql.id(plan.key)} is null))::integer as inserted,
      count(*)::integer as written
    ${differing(plan)}`),
  )
  const inserted = Number(row?.[0] ?? 0)
  return { inserted, updated: Number(row?.[1] ?? 0) - inserted }
}

/**
 * The oldest change stamp, in microseconds, among the staged rows whose stamp differs from the target's; null without one.
 * How far it lies behind the horizon shows how much of the allowance is used. Ask before the upsert. Rows that are read again because
 * they were rejected before, `retried`, say nothing about that.
 */
export async function oldestMovedStamp(
  target: Session,
  plan: LoadPlan,
  retried: readonly string[],
): Promise<number | null> {
  if (plan.changedAt === undefined) return null
  const keys = sql`select json_array_elements_text(${JSON.stringify(retried)}::json)`
  const isNew = retried.length > 0 ? sql`and s.${sql.id(plan.key)}::text not in (${keys})` : sql``
  const stamp = sql.id(plan.changedAt)
  const [row] = await target.rows(
    compile(sql`
    select (extract(epoch from min(s.${stamp})) * 1000000)::bigint::text
    from ${sql.id(stageName)} s
    left join ${tableOf(plan.table)} t on ${matching(plan)}
    where s.${stamp} is distinct from t.${stamp}
      ${isNew}`),
  )
  return row?.[0] === null || row?.[0] === undefined ? null : Number(row[0])
}

function upsert(plan: LoadPlan): RawBuilder<unknown> {
  const { table, key, columns } = plan
  const names = columns.map(({ name }) => sql.id(name))
  const assignments = columns.flatMap(({ name }) =>
    name === key ? [] : [sql`${sql.id(name)} = excluded.${sql.id(name)}`],
  )
  if (has(table, 'etl_updated_at')) assignments.push(sql`etl_updated_at = now()`)
  if (has(table, 'deleted_at')) assignments.push(sql`deleted_at = null`)
  const action = assignments.length > 0 ? sql`do update set ${sql.join(assignments)}` : sql`do nothing`
  return sql`
    with written as (
      insert into ${tableOf(table)} (${sql.join(names)})
      select ${sql.join(columns.map(({ name }) => sql`s.${sql.id(name)}`))}
      ${differing(plan)}
      on conflict (${sql.id(key)}) ${action}
      returning (xmax = 0) as is_new
    )
    select
      (count(*) filter (where is_new))::integer as inserted,
      count(*)::integer as written
    from written`
}

/** Staged rows that the target lacks, holds with other content, or holds as deleted. */
function differing(plan: LoadPlan): RawBuilder<unknown> {
  const isDeleted = has(plan.table, 'deleted_at') ? sql`or t.deleted_at is not null` : sql``
  return sql`
      from ${sql.id(stageName)} s
      left join ${tableOf(plan.table)} t on ${matching(plan)}
      where t.${sql.id(plan.key)} is null
        ${isDeleted}
        or ${isOtherContent(plan)}`
}

/**
 * Whether two rows hold other bytes. Column by column where equal means the same bytes, which costs half of comparing whole rows; the
 * others, such as numeric, to which 1 and 1.0 are equal, by their image.
 */
function isOtherContent({ key, columns }: LoadPlan): RawBuilder<unknown> {
  const pairs = columns.flatMap(({ name, type }) => (name === key ? [] : [{ name: sql.id(name), type }]))
  const plain = pairs.flatMap(({ name, type }) => {
    const kind = equality(type)
    if (kind === 'image') return []
    const collation = kind === 'text' ? sql` collate "C"` : sql``
    return [sql`s.${name}${collation} is distinct from t.${name}`]
  })
  const inexact = pairs.flatMap(({ name, type }) => (equality(type) === 'image' ? [name] : []))
  const row = (alias: string) =>
    sql`row(${sql.join(inexact.map((name) => sql`${sql.id(alias)}.${name}`))})::record`
  const image = inexact.length > 0 ? [sql`${row('s')} *<> ${row('t')}`] : []
  return sql`(${sql.join([sql`false`, ...plain, ...image], sql`\n          or `)})`
}

/** Whether a row of the target is this pipeline's. */
export function inScope({ scope }: LoadPlan, alias: string): RawBuilder<unknown> {
  const among = scope.map(
    ({ column, values }) => sql`${sql.id(alias, column)} = any(${`{${values.join(',')}}`}::bigint[])`,
  )
  return sql`(${sql.join([sql`true`, ...among], sql` and `)})`
}

const matching = ({ key }: LoadPlan) => sql`t.${sql.id(key)} = s.${sql.id(key)}`

export const tableOf = ({ schema, name }: Pick<Relation, 'schema' | 'name'>) => sql.id(schema, name)

const has = (table: Relation, column: string) => table.columns.some(({ name }) => name === column)
