import { sql, type CompiledQuery } from 'kysely'

import { tableOf, type Relation } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

interface PlanLine {
  readonly 'QUERY PLAN': string
}

/**
 * The columns of a relation, other than its key, whose values depend on when it is read: found in the plan of a query for each of them, as far as
 * the planner shows where a column comes from.
 */
export async function readClockColumns(source: Session, relation: Relation, key: string): Promise<string[]> {
  const others = relation.columns.filter((column) => column.name !== key).map((column) => column.name)
  const plans = await source.together([key, ...others].map((column) => planOf(relation, column)))
  const [usual = 0, ...found] = plans.map(clockReadings)
  return others.filter(
    (column, place) => (found[place] ?? 0) > usual || (usual > 0 && knownColumns.has(column)),
  )
}

function planOf(relation: Relation, column: string): CompiledQuery<PlanLine> {
  return compile(
    sql<PlanLine>`explain (verbose, costs off) select ${sql.id(column)} from ${tableOf(relation)}`,
  )
}

/** How often a plan reads the clock; what stands in quotes is a text or a name. */
function clockReadings(lines: readonly PlanLine[]): number {
  const text = lines
    .map((line) => line['QUERY PLAN'].replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, ''))
    .join('\n')
  return [...text.matchAll(clock)].length
}

const clock =
  /\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\(\)|\b(?:CURRENT_DATE|CURRENT_TIME|CURRENT_TIMESTAMP|LOCALTIME|LOCALTIMESTAMP)\b/g

/** Those of the Python pipeline's view, for a plan that reads the clock in a part of which it shows no columns. */
const knownColumns = new Set([
  ...['waiting_time_seconds', 'is_waiting_long', 'is_snoozed', 'days_since_creation'],
  ...['is_today', 'is_yesterday', 'is_this_week', 'is_this_month', 'is_this_year'],
])
