import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import type { KeyRange } from '../../domain/key-ranges.js'
import {
  allKeys,
  binaryKeyType,
  copyStream,
  firstKey,
  halve,
  type BinaryRows,
} from '../driver/binary-copy.js'
import { tableOf } from '../driver/catalog.js'
import type { Cells, Session } from '../driver/session.js'
import { compile, plain } from '../driver/statement.js'
import { cellsOf, withRepeated } from '../driver/text-rows.js'
import {
  canSoftDelete,
  comparedColumns,
  equality,
  isLooseKey,
  isRespelled,
  isSameKey,
  keyColumnOf,
  keyPosition,
  partitionColumns,
  stageName,
  type LoadPlan,
} from './load-plan.js'
import { exactColumns, lossyPlaces, withExact } from './lossy-columns.js'

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
    plain(chooseCompression),
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

/**
 * Large values are compressed by lz4 where the server has it, which takes a quarter of the time of a load away, for 2 % more space. Not where
 * somebody has chosen a method, for the column, or by the setting for anything larger.
 */
const chooseCompression = `do $$
begin
  if (select source = 'default' from pg_settings where name = 'default_toast_compression') then
    set default_toast_compression = 'lz4';
  end if;
exception when others then null;
end $$`

const exactOf = (plan: LoadPlan) => (plan.lossy.length > 0 ? exactColumns(plan) : [])

/** Empties the stage, which has to happen before the next batch of one transaction. */
export const clearStage = `truncate ${stageName}`

/** Where rows are put: the stage, or the table itself behind everything that it holds, where a key that exists fails with SQLSTATE 23505. */
export type Destination = 'stage' | 'table'

/** Rows that are written together, as texts or in binary, and that can be halved down to a single one. */
export interface Chunk {
  readonly count: number
  put(target: Session, into: Destination): Promise<void>
  /** Of more than one row. */
  halves(): readonly [Chunk, Chunk]
  /** Key of the row at a place. */
  keyAt(place: number): string
  /** Key of the first row, as text. */
  key(): string
  /** Whether a row has this key, in these letters. */
  has(key: string): boolean
  /** A row as texts; undefined for rows in binary. */
  cells(key: string): Cells | undefined
}

/** Rows as texts. */
export function chunkOfRows(plan: LoadPlan, rows: readonly Cells[]): Chunk {
  const middle = rows.length >> 1
  const keyAt = keyPosition(plan)
  let found: ReadonlyMap<string, Cells> | undefined
  const byKey = () => (found ??= new Map(rows.map((row) => [row[keyAt] ?? '', row])))
  return {
    count: rows.length,
    put: (target, into) => putRows(target, plan, rows, into),
    halves: () => [chunkOfRows(plan, rows.slice(0, middle)), chunkOfRows(plan, rows.slice(middle))],
    keyAt: (place) => rows[place]?.[keyAt] ?? '',
    key: () => rows[0]?.[keyAt] ?? '',
    has: (key) => byKey().has(key),
    cells: (key) => byKey().get(key),
  }
}

/** Rows as the source sent them. */
interface SentRows extends BinaryRows {
  /** Each value is the bytes of its text; else it is in binary. */
  readonly isText?: boolean
  /** The first time that they are put into the stage, where that has begun already. */
  readonly filling?: Promise<void> | undefined
}

export function chunkOfBinary(plan: LoadPlan, rows: SentRows): Chunk {
  const { count, isText = false } = rows
  let underWay = rows.filling
  const keyAt = keyPosition(plan)
  const keyType = (isText ? undefined : binaryKeyType(keyColumnOf(plan).definition)) ?? 'text'
  let inOrder: readonly string[] | undefined
  let asSet: ReadonlySet<string> | undefined
  const keys = () => (inOrder ??= allKeys(rows, keyAt, keyType))
  return {
    count,
    put: async (target, into) => {
      if (underWay && into === 'stage') {
        const first = underWay
        underWay = undefined
        return first
      }
      const { copy } = target
      if (!copy) throw new TypeError('Binary rows need a target that can COPY.')
      const table = destinationOf(plan, into)
      if (!isText) return copy.into(table, copyStream(rows))
      const isExact = into === 'stage' && plan.lossy.length > 0
      return copy.fillTexts(table, isExact ? withRepeated(rows.pieces, lossyPlaces(plan)) : rows.pieces)
    },
    halves: () => {
      const [first, second] = halve(rows)
      return [chunkOfBinary(plan, { ...first, isText }), chunkOfBinary(plan, { ...second, isText })]
    },
    keyAt: (place) => keys()[place] ?? '',
    key: () => firstKey(rows, keyAt, keyType),
    has: (key) => (asSet ??= new Set(keys())).has(key),
    cells: (key) => (isText ? cellsOf(rows, keyAt, key) : undefined),
  }
}

async function putRows(
  target: Session,
  plan: LoadPlan,
  rows: readonly Cells[],
  into: Destination,
): Promise<void> {
  const isExact = into === 'stage' && plan.lossy.length > 0
  await target.fill(destinationOf(plan, into), isExact ? withExact(plan, rows) : rows)
}

function destinationOf(plan: LoadPlan, into: Destination) {
  const { schema, name, writing } = plan.table
  const isIdentity = writing.identities.includes(plan.key)
  const columns = plan.columns.map((column) => ({ name: column.name, type: column.definition.bare }))
  return into === 'stage'
    ? { name: stageName, columns: [...columns, ...exactOf(plan)], isIdentity }
    : { schema, name, columns, isIdentity }
}

/** Whether the target has no row whose key lies in the rest of a range; bounds are whole numbers. */
export async function isEmptyWithin(
  target: Session,
  { table, key }: Pick<LoadPlan, 'table' | 'key'>,
  { after, to, reached }: KeyRange,
): Promise<boolean> {
  const from = reached ?? after
  const above = from === null ? sql`true` : sql`${sql.id(key)} > ${from}::bigint`
  const below = to === null ? sql`true` : sql`${sql.id(key)} <= ${to}::bigint`
  const [row] = await target.rows(
    compile(sql<{ is_empty: boolean }>`
      select not exists (select 1 from ${tableOf(table)} where ${above} and ${below}) as is_empty`),
  )
  return row?.is_empty ?? false
}

/** Staged rows `s` beside the row `t` that the table holds for each, which is all NULL where there is none. */
export function stagedBesideHeld(plan: LoadPlan): RawBuilder<unknown> {
  return sql`
      from ${sql.id(stageName)} s
      left join ${heldRows(plan)} t on ${isSameRow(plan)}`
}

/** Staged rows that the target lacks, holds with other content, or holds as deleted. */
export function differing(plan: LoadPlan, which?: 'with respelled'): RawBuilder<unknown> {
  const isWanted =
    isLooseKey(plan) && which === undefined
      ? sql`(${isDifferent(plan)}) and not (${isOtherSpelling(plan)})`
      : isDifferent(plan)
  return sql`
      ${stagedBesideHeld(plan)}
      where t.${sql.id(plan.key)} is null
        or ${isWanted}`
}

/** Whether `t` is the row of the target for the staged row `s`. */
export function isSameRow(plan: LoadPlan, held = 't'): RawBuilder<unknown> {
  const [h, s] = [sql.id(held), sql.id('s')]
  const pairs = partitionColumns(plan).map((name) => sql`${h}.${sql.id(name)} = ${s}.${sql.id(name)}`)
  const isKey = isSameKey(plan, sql`${h}.${sql.id(plan.key)}`, sql`${s}.${sql.id(plan.key)}`)
  return sql.join([isKey, ...pairs], sql` and `)
}

/** Whether the target has no row of the key of the staged row `s`. */
export function isNew(plan: LoadPlan): RawBuilder<unknown> {
  const isMissing = sql`t.${sql.id(plan.key)} is null`
  return partitionColumns(plan).length === 0 ? isMissing : sql`(${isMissing} and not ${hasKeyInTable(plan)})`
}

/**
 * Whether any row of the table has the key of the staged row `s`, in whatever partition. As the offset keeps the planner from joining, which
 * it would do by reading all partitions whole, it looks the key up in each. `more` is a condition on that row, `m`.
 */
export function hasKeyInTable(plan: LoadPlan, more: RawBuilder<unknown> = sql``): RawBuilder<unknown> {
  return sql`exists (
        select 1
        from ${tableOf(plan.table)} m
        where ${isSameKey(plan, sql`m.${sql.id(plan.key)}`, sql`s.${sql.id(plan.key)}`)}
          ${more}
        offset 0
      )`
}

/** Whether a row of the target is not what was staged. */
export function isDifferent(plan: LoadPlan): RawBuilder<unknown> {
  const isDeleted = canSoftDelete(plan) ? sql`t.deleted_at is not null or ` : sql``
  const isOther = isLooseKey(plan) ? sql`${isOtherSpelling(plan)} or ` : sql``
  return sql`${isDeleted}${isOther}${isOtherContent(plan)}`
}

export const isOtherSpelling = ({ key }: LoadPlan) =>
  isRespelled(sql`s.${sql.id(key)}`, sql`t.${sql.id(key)}`)

/**
 * The table, or of one that Citus distributes only the rows that are staged: the other side of an outer join with a local table is fetched
 * whole otherwise. On one server the extra join costs a third of the comparison, so it is not for all.
 */
function heldRows(plan: LoadPlan): RawBuilder<unknown> {
  const { table, key, columns } = plan
  if (!table.writing.isDistributed || isLooseKey(plan)) return tableOf(table)
  const names = [...columns.map(({ name }) => name), ...(canSoftDelete(plan) ? ['deleted_at'] : [])]
  const same = [key, ...partitionColumns(plan)].map((name) => sql.id(name))
  return sql`(
        select ${sql.join(names.map((name) => sql`h.${sql.id(name)}`))}
        from ${tableOf(table)} h
        where (${sql.join(same.map((name) => sql`h.${name}`))}) in (
          select ${sql.join(same.map((name) => sql`k.${name}`))}
          from ${sql.id(stageName)} k
        )
      )`
}

/**
 * Whether two rows hold other bytes. Column by column where equal means the same bytes, which costs half of comparing whole rows; the
 * others, such as numeric, to which 1 and 1.0 are equal, by their image: by the function, as Citus loses the type of what the operator
 * for it takes.
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
  const image = inexact.length > 0 ? [sql`pg_catalog.record_image_ne(${row('s')}, ${row('t')})`] : []
  return sql`(${sql.join([sql`false`, ...plain, ...image], sql`\n          or `)})`
}
