import { chartZoneOf } from '../../domain/chart-zone.js'
import { SyncError } from '../../domain/errors.js'
import { countText } from '../../domain/quantity-text.js'
import type { Session } from '../../postgres/driver/session.js'
import { countOrphanEvents } from '../../postgres/source/orphan-events.js'
import { accountZonesQuery, hasReports } from '../../postgres/target/report-numbers.js'
import { ok, warning, type Check } from './check.js'

/** Events that Chatwoot's report pages count and no row of the table can have. Nothing where there are none, or too many to count. */
export async function checkOrphanEvents(source: Session): Promise<Check[]> {
  try {
    const events = await countOrphanEvents(source)
    if (!events) return []
    return [
      ok(
        'source-orphan-events',
        `Chatwoot has ${countText(events)} reporting events of conversations that were deleted. Its report pages count them, and the table cannot; chatwoot-sync report counts them for a range.`,
      ),
    ]
  } catch (error) {
    if (error instanceof SyncError) return []
    throw error
  }
}

/** Accounts whose days are those of UTC only because no inbox has a time zone, and the zone of Chatwoot's charts for the others. */
export async function checkZones(target: Session): Promise<Check[]> {
  // Other checks report what migrate has still to create.
  if (!(await hasReports(target))) return []
  const { query, read } = accountZonesQuery
  const accounts = read(await target.rows(query))
  const inUtc = accounts.filter(({ isInUtc }) => isInUtc).map(({ id }) => id)
  const zones = [...new Set(accounts.filter(({ isInUtc }) => !isInUtc).map(({ zone }) => zone))]
  return [...(inUtc.length > 0 ? [daysOfUtc(inUtc)] : []), ...zones.flatMap(ofCharts)]
}

const daysOfUtc = (accounts: readonly number[]) =>
  warning(
    'target-zone',
    `Calendar columns are in UTC for every conversation of account ${accounts.join(', ')}. Chatwoot's report pages show the days of the reader's browser.`,
    'Set timeZone (--time-zone), such as America/Sao_Paulo, and run sync --full; or leave it where the team works in UTC.',
  )

function ofCharts(zone: string): Check[] {
  const charts = chartZoneOf(zone, new Date())
  if (charts === undefined || charts === zone) return []
  const message = `The charts of Chatwoot, read now in ${zone}, have the days of ${charts}: it takes the first zone with the present offset. The function chatwoot_series takes the zone that it is given.`
  return [ok('target-chart-zone', message)]
}
