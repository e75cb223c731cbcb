import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import type { Warning } from '../../domain/report.js'
import type { Session } from '../driver/session.js'
import { compile, controlName } from '../driver/statement.js'
import { relationNamed, tableOf } from '../driver/catalog.js'
import type { LoadPlan } from './load-plan.js'
import { nameParts } from '../driver/search-path.js'

/** What makes a table the one that an earlier run has written, beyond its name. */
export interface TableIdentity {
  readonly database: string
  readonly oid: string
  /** Rows that were deleted from it since its statistics began; null where the release counts them too late, or the table is partitioned. */
  readonly deletes: string | null
}

/** A row that a run has written: when it is gone or older, somebody else has changed the table. */
export interface Marker {
  readonly key: string
  /** Its `etl_updated_at` as the server writes it in JSON; null in a table without. */
  readonly at: string | null
}

/** The table as it is now, and the row that the last successful run marked. */
export interface TableLook extends TableIdentity {
  readonly hasRows: boolean
  /** Undefined when the row is gone, or when none was marked. */
  readonly marked: { readonly at: string | null } | undefined
}

/** What a run knows of the table, so that the next one notices when it was replaced. */
export interface KnownTable {
  /** As it was before the run. */
  readonly table: (TableIdentity & { readonly hasRows: boolean }) | undefined
  /** The last row that a run wrote and that was not found missing since. */
  readonly marker?: Marker | undefined
  /** A warning said that another program deletes rows of the table; `etl_health` reads it here. */
  readonly hasWarnedOfDeletes: boolean
}

interface LookRow {
  readonly database: string
  readonly oid: string
  readonly deletes: string | null
  readonly has_rows: boolean
  readonly is_marked: boolean
  readonly marked_at: string | null
}

/** The table to look at, and whose marker. */
export interface LookAt {
  /** As SQL writes it. */
  readonly table: string
  readonly key: string
  readonly pipeline: string
  /** It is the table that our own migrations make. */
  readonly isOwn: boolean
}

/** Looks at two rows of the table at most: the marker of the last successful run and, where that is gone, any other. */
export function lookQuery({ table, key, pipeline, isOwn }: LookAt): CompiledQuery<LookRow> {
  const parts = nameParts(table)
  if (!parts) return compile(sql<LookRow>`select 1 where false`)
  // Our own table is beside etl_control; that is looked up even where the path of the session leaves their schema out.
  const name = isOwn && parts.length === 1 ? controlName(table) : sql.id(...parts)
  const oid = sql`${relationNamed(sql`${table}::text`)}::oid`
  const { join, at } = isOwn ? ownMarker(name, key) : anyMarker(name, key)
  return compile(sql<LookRow>`
    select
      (select oid::text from pg_database where datname = current_database()) as database,
      ${oid}::text as oid,
      case
        when current_setting('server_version_num')::integer >= 150000
          and exists (select 1 from pg_class where oid = ${oid} and relkind <> 'p')
        then pg_stat_get_tuples_deleted(${oid})::text
      end as deletes,
      found.${sql.id(key)} is not null or exists (select 1 from ${name}) as has_rows,
      found.${sql.id(key)} is not null as is_marked,
      ${at} as marked_at
    from (
      select (
        select state #>> '{identities,marker,key}'
        from ${controlName('etl_control')}
        where pipeline = ${pipeline}::text
          and status = 'success'
        order by started_at desc
        limit 1
      ) as key
    ) last
    ${join}`)
}

function ownMarker(name: RawBuilder<unknown>, key: string) {
  return {
    join: sql`left join ${name} found on found.${sql.id(key)} = last.key::bigint`,
    at: sql`to_jsonb(found.etl_updated_at) #>> '{}'`,
  }
}

interface ShapeRow {
  readonly shape: string | null
}

/** Where the shape is of no use. */
export const noShape: CompiledQuery<ShapeRow> = compile(sql<ShapeRow>`select null::text as shape`)

/** The rows of a catalog that belong to the relation `c`, as a text that is another one after each change of them. */
const versionsIn = (catalog: string, column: string) => sql`(
          select count(*) || '/' || sum(v.xmin::text::bigint)
          from ${sql.id(catalog)} v
          where v.${sql.id(column)} = c.oid
        )`

/** What a table looks like, as one text: another one after each change of its columns, indexes, constraints, triggers and rights. */
export const shapeQuery = (table: string): CompiledQuery<ShapeRow> =>
  compile(sql<ShapeRow>`
    select
      concat_ws(
        ' ',
        c.xmin::text,
        ${versionsIn('pg_attribute', 'attrelid')},
        ${versionsIn('pg_index', 'indrelid')},
        ${versionsIn('pg_constraint', 'conrelid')},
        ${versionsIn('pg_trigger', 'tgrelid')}
      ) as shape
    from pg_class c
    where c.oid = ${relationNamed(sql`${table}::text`)}`)

/** The key takes its type from the table, which the caller does not know yet. */
function anyMarker(name: RawBuilder<unknown>, key: string) {
  return {
    join: sql`
      cross join lateral jsonb_populate_record(null::${name}, jsonb_build_object(${key}::text, last.key)) marked
      left join ${name} found on found.${sql.id(key)} = marked.${sql.id(key)}`,
    at: sql`to_jsonb(found) ->> 'etl_updated_at'`,
  }
}

export function toLook([row]: readonly LookRow[]): TableLook | undefined {
  if (!row) return undefined
  const { has_rows: hasRows, is_marked: isMarked, marked_at: at, ...identity } = row
  return { ...identity, hasRows, marked: isMarked ? { at } : undefined }
}

/** The row with this key as a marker; NULL where the table does not hold it. */
export function markerOf({ table, key, columns }: LoadPlan, value: string): RawBuilder<string> {
  const type = columns.find(({ name }) => name === key)?.type ?? 'text'
  const hasTime = table.columns.some(({ name }) => name === 'etl_updated_at')
  const at = hasTime ? sql`t.etl_updated_at` : sql`null::text`
  return sql<string>`(
    select jsonb_build_object('key', ${value}::text, 'at', ${at})
    from ${tableOf(table)} t
    where t.${sql.id(key)} = ${value}::${sql.raw(type)}
  )`
}

/** Whether the table still is what the last successful run left. */
export interface TargetTrust {
  /** Why it is not, so that everything has to be read. */
  readonly reason: string | undefined
  /** Rows that somebody else deleted do not come back by themselves; one warning says so, and health, until they are back or it is on purpose. */
  readonly hasWarnedOfDeletes: boolean
  readonly warnings: readonly Warning[]
}

/**
 * Compares the table with what the last run left: its identity, whether it has rows, and the row that was marked, which is gone or older in
 * one that was emptied, filled again or restored. VACUUM FULL and its like change none of these.
 */
export async function trustInTarget(
  target: Session,
  plan: LoadPlan,
  facts: { readonly last: KnownTable | undefined; readonly look: TableLook },
  { acceptTargetDeletes }: { readonly acceptTargetDeletes: boolean },
): Promise<TargetTrust> {
  const { last, look } = facts
  const past = last?.table
  const name = plan.table.name
  const readAll = (reason: string) => ({ reason, hasWarnedOfDeletes: false, warnings: [] })
  if (past && (past.database !== look.database || past.oid !== look.oid)) {
    return readAll(`the table ${name} is another one than the last run wrote`)
  }
  if (!look.hasRows && (last?.marker || past?.hasRows !== false)) {
    return readAll(`the table ${name} was emptied`)
  }
  const fate = await fateOfMarker(target, plan, facts)
  const isLost = fate === 'lost' && !acceptTargetDeletes
  if (fate === 'older' || isLost)
    return readAll(`the table ${name} was restored or filled by another program`)
  const deleted = Number(look.deletes ?? 0) - Number(past?.deletes ?? look.deletes ?? 0)
  const isSeen = deleted > 0 || fate === 'deleted'
  const wasTold = last?.hasWarnedOfDeletes === true
  const isTold = isSeen && !wasTold && !acceptTargetDeletes
  return {
    reason: undefined,
    hasWarnedOfDeletes: (wasTold || isTold) && !acceptTargetDeletes,
    warnings: isTold ? [rowsDeleted(name, deleted)] : [],
  }
}

/** `lost` when no row is as new as the marked one was, as in an older copy; `deleted` when others are. */
async function fateOfMarker(
  target: Session,
  plan: LoadPlan,
  { last, look: { marked } }: { readonly last: KnownTable | undefined; readonly look: TableLook },
): Promise<'intact' | 'older' | 'deleted' | 'lost'> {
  const marker = last?.marker
  if (!marker) return 'intact'
  if (marked) return isBefore(marked.at, marker.at) ? 'older' : 'intact'
  return marker.at !== null && (await hasRowsSince(target, plan, marker.at)) ? 'deleted' : 'lost'
}

/** Whether the table is to all appearance as the last run left it, without a question more. */
export function isAsLeft({ table, marker }: KnownTable, look: TableLook): boolean {
  const isMarked = marker ? look.marked !== undefined && !isBefore(look.marked.at, marker.at) : true
  return (
    isMarked &&
    table?.database === look.database &&
    table.oid === look.oid &&
    table.deletes === look.deletes &&
    (look.hasRows || (!marker && !table.hasRows))
  )
}

/** Times as JSON has them; what is none is not compared. */
function isBefore(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && Date.parse(one) < Date.parse(other)
}

function rowsDeleted(table: string, rows: number): Warning {
  const count = rows > 0 ? `, up to ${rows} of them` : ''
  const message =
    `Another program deleted rows of ${table}${count}; incremental runs do not bring them back. ` +
    'Run once with --full, or verify --repair, or set acceptTargetDeletes if it is on purpose.'
  return { code: 'TARGET_ROWS_DELETED', message }
}

/** Whether any row was written at or after the time of a marker. It may read the whole table. */
async function hasRowsSince(target: Session, { table }: LoadPlan, at: string): Promise<boolean> {
  const [row] = await target.rows(
    compile(sql<{ found: boolean }>`
      select exists (select 1 from ${tableOf(table)} where etl_updated_at >= ${at}::timestamptz) as found`),
  )
  return row?.found === true
}
