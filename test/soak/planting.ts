import type pg from 'pg'

import { key } from '../../lib/chatwoot/conversation-row.js'
import { rowColumns } from '../../lib/chatwoot/columns.js'
import type { VerifyReport } from '../../lib/index.js'

const table = 'conversas_analytics'

/** What `verify` has to say, and of which rows. */
export interface Planted {
  readonly report: Partial<VerifyReport>
  /** In the order in which a report lists them: missing, stale, extra. */
  readonly keys: readonly string[]
}

/**
 * Makes a target that equals its source differ: each column once, rows that are missing, that are soft-deleted, and that are too
 * many. The source keeps its stamps, so no incremental run would see any of it. Takes the rows at even distances.
 */
export async function plantDifferences(target: pg.Pool): Promise<Planted> {
  const { rows } = await target.query<{ id: string }>(
    `select ${key}::text as id from ${table} where deleted_at is null order by ${key}`,
  )
  const columns = rowColumns.filter((column) => column !== key)
  const step = Math.floor(rows.length / (columns.length + 8))
  const ids = rows.filter((_, index) => index % step === 0).map(({ id }) => id)
  const stale = ids.slice(0, columns.length)
  const removed = ids.slice(columns.length, columns.length + 5)
  const softDeleted = ids.slice(columns.length + 5, columns.length + 8)
  const extra = ['2000000001', '2000000002', '2000000003', '2000000004']
  for (const [index, column] of columns.entries()) await spoil(target, column, stale[index])
  await target.query(`delete from ${table} where ${key} = any($1::integer[])`, [removed])
  await target.query(`update ${table} set deleted_at = now() where ${key} = any($1::integer[])`, [
    softDeleted,
  ])
  await target.query(`insert into ${table} (${key}) select unnest($1::integer[])`, [extra])
  return {
    keys: [...removed, ...softDeleted, ...stale, ...extra],
    report: {
      rowsMissing: removed.length + softDeleted.length,
      rowsStale: stale.length,
      rowsExtra: extra.length,
      // Of one of them it is the stamp itself that differs.
      rowsSilent: stale.length - 1 + extra.length,
      rowsPending: 0,
      differingColumns: Object.fromEntries(columns.map((column) => [column, 1])),
    },
  }
}

/** Changes one value, whatever its type, as little as can be. */
async function spoil(target: pg.Pool, column: string, id: string | undefined): Promise<void> {
  const { rows } = await target.query<{ type: string }>(
    `select format_type(atttypid, null) as type from pg_attribute where attrelid = $1::regclass and attname = $2::name`,
    [table, column],
  )
  const other = otherValue(column, rows[0]?.type ?? '')
  const { rowCount } = await target.query(
    `update ${table} set ${column} = ${other} where ${key} = $1::integer`,
    [id],
  )
  if (rowCount !== 1) throw new Error(`${column} of ${String(id)} was not spoiled.`)
}

function otherValue(column: string, type: string): string {
  switch (type) {
    case 'text':
      return `coalesce(${column}, '') || ' '`
    case 'text[]':
      return `array_append(${column}, 'planted')`
    case 'integer[]':
      return `array_append(${column}, 0)`
    case 'timestamp without time zone[]':
      return `array_append(${column}, '2000-01-01')`
    case 'jsonb':
      return `coalesce(${column}, '[]') || '[1]'`
    case 'boolean':
      return `${column} is not true`
    case 'uuid':
      return 'gen_random_uuid()'
    case 'date':
      return `coalesce(${column}, '2000-01-01') + 1`
    case 'timestamp without time zone':
      return `coalesce(${column}, '2000-01-01') + interval '1 microsecond'`
    default:
      return `coalesce(${column}, 0) + 1`
  }
}
