import { sql, type CompiledQuery } from 'kysely'

import { tableOf, type Relation } from '../driver/catalog.js'
import { qualified } from '../driver/search-path.js'
import { isPoint } from '../driver/types/column-type.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** A large table that is read whole, with what that reads. */
export interface WholeTable {
  /** As SQL writes it. */
  readonly table: string
  /** Rows as the planner estimates them, as text. */
  readonly rows: string
  /** Size of the table with a unit: `1200 MB`. */
  readonly size: string
}

interface PlanNode {
  readonly 'Node Type': string
  readonly Schema?: string
  readonly 'Relation Name'?: string
  readonly 'Index Cond'?: string
  readonly Plans?: readonly PlanNode[]
}

/**
 * The tables of more than `minRows` rows that a search for the newest rows of a view or a partitioned table reads whole, as the planner sees
 * no other way; undefined for any other relation.
 */
export async function tablesReadWhole(
  source: Session,
  relation: Relation,
  changedAt: string,
  minRows: number,
): Promise<readonly WholeTable[] | undefined> {
  const stamp = relation.columns.find((column) => column.name === changedAt)
  const [kind] = await source.rows(kindOf(relation))
  if (!kind?.isIndirect || !stamp || !isPoint(stamp.definition.kind)) return undefined
  const [, [plan]] = await source.together([
    wholeReads('off'),
    explainNewest(relation, changedAt),
    wholeReads('on'),
  ])
  const read = [...new Set(rootsOf(plan).flatMap(scannedWhole))]
  return read.length === 0 ? [] : source.rows(largeOf(read, minRows))
}

const kindOf = (relation: Relation) =>
  compile(sql<{ isIndirect: boolean }>`
    select c.relkind in ('v', 'p') as "isIndirect"
    from pg_class c
    where c.oid = to_regclass(${qualified(relation)})`)

/** For the transaction: with `off`, a table is read whole only where no index leads into it. */
const wholeReads = (value: 'on' | 'off') =>
  compile(sql`
    select
      set_config('enable_seqscan', ${value}::text, true),
      set_config('enable_hashjoin', ${value}::text, true),
      set_config('enable_mergejoin', ${value}::text, true)`)

interface PlanRow {
  readonly 'QUERY PLAN': unknown
}

const explainNewest = (relation: Relation, changedAt: string): CompiledQuery<PlanRow> =>
  compile(sql<PlanRow>`
    explain (verbose, costs off, format json)
    select *
    from ${tableOf(relation)} r
    where r.${sql.id(changedAt)} >= now()`)

/** As a text, or as the driver of a caller's Kysely has read it. */
function rootsOf(row: PlanRow | undefined): readonly PlanNode[] {
  const plan = row?.['QUERY PLAN']
  const roots = (typeof plan === 'string' ? JSON.parse(plan) : (plan ?? [])) as readonly { Plan: PlanNode }[]
  return roots.map(({ Plan: root }) => root)
}

function scannedWhole(node: PlanNode): readonly string[] {
  const { Schema: schema, 'Relation Name': name, 'Node Type': type } = node
  const isWhole =
    type === 'Seq Scan' || (/^Index (Only )?Scan/.test(type) && node['Index Cond'] === undefined)
  const here = isWhole && schema !== undefined && name !== undefined ? [qualified({ schema, name })] : []
  return [...here, ...(node.Plans ?? []).flatMap(scannedWhole)]
}

const largeOf = (tables: readonly string[], minRows: number) =>
  compile(sql<WholeTable>`
    select
      c.oid::regclass::text as "table",
      c.reltuples::bigint::text as rows,
      pg_size_pretty(pg_table_size(c.oid))::text as size
    from json_array_elements_text(${JSON.stringify(tables)}::json) t (name)
    join pg_class c on c.oid = to_regclass(t.name)
    where c.reltuples > ${minRows}::real
    order by c.reltuples desc`)
