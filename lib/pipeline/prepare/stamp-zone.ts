import { SyncError } from '../../domain/errors.js'
import type { Warning } from '../../domain/report.js'
import type { Session } from '../../postgres/driver/session.js'
import type { CustomRead } from '../../postgres/source/custom-relation.js'
import { newestStamp, readStampZone } from '../../postgres/source/stamp-zone.js'

/** Why the times of a column may be local ones, and of which zone. */
interface Doubt {
  readonly reason: string
  /** Undefined where nothing says which. */
  readonly zone: string | undefined
}

type Stamps = Pick<CustomRead, 'relation' | 'changedAt' | 'changedAtZone'>

/**
 * The warning that the times of a change column without a time zone may be local ones, for a pipeline that has run before and goes on as it
 * did. Throws CONFIG_MISSING for one that never ran: it would read no change for hours, or for ever, and call that a success. To be called
 * within the snapshot, as a view may call what would write.
 */
export async function checkZone(source: Session, stamps: Stamps, hasRun: boolean): Promise<Warning[]> {
  const doubt = await doubtOfZone(source, stamps, { looksAtRows: !hasRun })
  if (!doubt) return []
  const { relation, changedAt } = stamps
  const zone = doubt.zone ?? 'their time zone'
  const fact = `The times in ${changedAt.name} of ${relation.name} have no time zone and may be local ones: ${doubt.reason}.`
  if (hasRun) {
    const message = `${fact} They are read as UTC; set changedAtZone to ${zone}, or to UTC.`
    return [{ code: 'CHANGED_AT_ZONE_UNKNOWN', message }]
  }
  throw new SyncError('CONFIG_MISSING', fact, {
    remedy: `Set relation.changedAtZone (--changed-at-zone) to ${zone}, or to UTC if they are in UTC.`,
    details: { column: changedAt.name, zone: doubt.zone ?? null },
  })
}

/** Undefined where nothing hints at local times. The newest row is read on demand, and with it all of them where the column has no index. */
export async function doubtOfZone(
  source: Session,
  { relation, changedAt, changedAtZone }: Stamps,
  { looksAtRows }: { readonly looksAtRows: boolean },
): Promise<Doubt | undefined> {
  const { kind } = changedAt.definition
  const isTime = kind === 'timestamp'
  if (changedAtZone !== undefined || (!isTime && kind !== 'date')) return undefined
  const { zone, isUtc, ...column } = await readStampZone(source, relation, changedAt.name)
  if (!isUtc && writesLocalTime(column.default ?? '')) {
    return { reason: `its default is ${column.default ?? ''}, and the time zone there is ${zone}`, zone }
  }
  if (!looksAtRows || !isTime) return undefined
  const { isAhead, isLocal } = await newestStamp(source, relation, changedAt.name, zone)
  if (isAhead)
    return { reason: 'the newest of them is later than now in UTC', zone: isUtc ? undefined : zone }
  return isLocal ? { reason: `the newest of them is the present time of ${zone}`, zone } : undefined
}

/** Whether the default of a column writes the present time in the time zone of whoever inserts the row. */
function writesLocalTime(expression: string): boolean {
  return (
    /\b(now|transaction_timestamp|statement_timestamp|clock_timestamp)\(\)|\b(current_timestamp|localtimestamp|current_date)\b/i.test(
      expression,
    ) && !/at time zone|timezone\(/i.test(expression)
  )
}
