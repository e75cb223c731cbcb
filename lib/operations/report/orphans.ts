import type { OrphanEvents } from '../../domain/chatwoot-report.js'
import { SyncError } from '../../domain/errors.js'
import { defaults } from '../../options.js'
import { openSession, type DatabaseHandle } from '../../postgres/driver/connect.js'
import { withSnapshot } from '../../postgres/driver/transaction.js'
import { readOrphanEvents } from '../../postgres/source/orphan-events.js'
import type { ReportRange } from '../../postgres/target/report-numbers.js'

/** The events of conversations that Chatwoot no longer has, or why they are not known. */
export interface Orphans {
  readonly events: readonly OrphanEvents[] | undefined
  readonly unknown: string | null
}

/** Counts them in the source. A source that cannot be reached or read is no failure of a report. */
export async function countOrphans(source: DatabaseHandle | undefined, range: ReportRange): Promise<Orphans> {
  if (source === undefined) return { events: undefined, unknown: 'No source is set.' }
  const { connectTimeout } = defaults
  const applicationName = 'chatwoot-sync report'
  try {
    await using session = await openSession('source', source, { applicationName, connectTimeout })
    const events = await withSnapshot(session, timeouts, () => readOrphanEvents(session, range))
    const unknown = 'The source has no reporting_events that its role may read.'
    return { events, unknown: events ? null : unknown }
  } catch (error) {
    if (error instanceof SyncError) return { events: undefined, unknown: error.message }
    throw error
  }
}

/** Somebody waits for the answer. */
const timeouts = { statementTimeout: 60_000, lockTimeout: 60_000 }
