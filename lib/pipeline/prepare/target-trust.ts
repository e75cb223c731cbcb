import type { Warning } from '../../domain/report.js'
import type { ResolvedOptions } from '../../options.js'
import type { Session } from '../../postgres/driver/session.js'
import { hasRowsSince, type TableLook } from '../../postgres/target/table-identity.js'
import type { LoadPlan } from '../../postgres/target/upsert.js'
import type { State } from './state.js'

/** Whether the table still is what the last successful run left. */
export interface TargetTrust {
  /** Why it is not, so that everything has to be read. */
  readonly reason: string | undefined
  /** Rows that somebody else deleted do not come back by themselves; one warning says so. */
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
  facts: { readonly last: State; readonly look: TableLook },
  { acceptTargetDeletes }: Pick<ResolvedOptions, 'acceptTargetDeletes'>,
): Promise<TargetTrust> {
  const { last, look } = facts
  const past = last.identities?.table
  const name = plan.table.name
  const readAll = (reason: string) => ({ reason, hasWarnedOfDeletes: false, warnings: [] })
  if (past && (past.database !== look.database || past.oid !== look.oid)) {
    return readAll(`the table ${name} is another one than the last run wrote`)
  }
  if (!look.hasRows && (last.identities?.marker || past?.hasRows !== false)) {
    return readAll(`the table ${name} was emptied`)
  }
  const fate = await fateOfMarker(target, plan, facts)
  const isLost = fate === 'lost' && !acceptTargetDeletes
  if (fate === 'older' || isLost)
    return readAll(`the table ${name} was restored or filled by another program`)
  const deleted = Number(look.deletes ?? 0) - Number(past?.deletes ?? look.deletes ?? 0)
  const isSeen = deleted > 0 || fate === 'deleted'
  const wasTold = last.identities?.hasWarnedOfDeletes === true
  const isTold = isSeen && !wasTold && !acceptTargetDeletes
  return {
    reason: undefined,
    hasWarnedOfDeletes: wasTold || isTold,
    warnings: isTold ? [rowsDeleted(name, deleted)] : [],
  }
}

/** `lost` when no row is as new as the marked one was, as in an older copy; `deleted` when others are. */
async function fateOfMarker(
  target: Session,
  plan: LoadPlan,
  { last, look: { marked } }: { readonly last: State; readonly look: TableLook },
): Promise<'intact' | 'older' | 'deleted' | 'lost'> {
  const marker = last.identities?.marker
  if (!marker) return 'intact'
  if (marked) return isBefore(marked.at, marker.at) ? 'older' : 'intact'
  return marker.at !== null && (await hasRowsSince(target, plan, marker.at)) ? 'deleted' : 'lost'
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
