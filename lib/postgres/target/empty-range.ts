import { sql } from 'kysely'

import type { KeyRange } from '../../domain/key-ranges.js'
import { tableOf } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import type { LoadPlan } from './load-plan.js'

/** Whether the target has no row whose key lies in the rest of a range. */
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
