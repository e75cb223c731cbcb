import { sql, type CompiledQuery } from 'kysely'

import { copyStream, type BinaryRows } from '../driver/binary-copy.js'
import { tableOf } from '../driver/catalog.js'
import type { BinaryCopy, Cells, Session } from '../driver/session.js'
import { compile, plain } from '../driver/statement.js'
import { stageName, type LoadPlan } from './load-plan.js'
import { exactColumns, withExact } from './lossy-columns.js'

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
