import { SyncError } from '../domain/errors.js'
import type { ResolvedOptions } from '../options.js'
import { makeMonths } from '../postgres/control/partitionings.js'
import type { Session } from '../postgres/driver/session.js'

/** Of a table by month. Where they cannot be made, rows go to the default partition, which health shows: no reason for a run to fail. */
export async function makeMonthsAhead(
  target: Session,
  { logger }: Pick<ResolvedOptions, 'logger'>,
): Promise<void> {
  try {
    await makeMonths(target)
  } catch (error) {
    if (target.lost.aborted || !(error instanceof SyncError)) throw error
    logger?.warn('The months ahead could not be made.', { code: error.code, reason: error.message })
  }
}
