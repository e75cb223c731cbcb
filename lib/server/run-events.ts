import { setTimeout as wait } from 'node:timers/promises'

import type { SyncReport } from '../domain/report.js'
import type { Progress } from '../options.js'
import type { LiveRuns } from './live-runs.js'

/** How far a run is, and at its end its report. */
export type RunEvent =
  | { readonly event: 'progress'; readonly data: Progress }
  | { readonly event: 'end'; readonly data: SyncReport }

/** Milliseconds between two looks at a run of this server, and at the row of a run of another process. */
const pauses = { own: 200, other: 1000 }

/**
 * The progress of a run, whenever it has changed, until the run ends. Of a run of another process only what its row shows is known. Ends
 * early when the signal fires.
 */
export async function* runEvents(
  executionId: string,
  live: Pick<LiveRuns, 'current'>,
  readRun: (executionId: string) => Promise<SyncReport | undefined>,
  signal: AbortSignal,
): AsyncGenerator<RunEvent> {
  let sent: string | undefined
  while (!signal.aborted) {
    const own = live.current()
    const isOwn = own?.executionId === executionId
    const report = isOwn ? undefined : await readRun(executionId)
    if (!isOwn && report?.status !== 'running') {
      if (report) yield { event: 'end', data: report }
      return
    }
    const progress = isOwn ? own.progress : report && storedProgress(report)
    const text = JSON.stringify(progress)
    if (progress && text !== sent) yield { event: 'progress', data: progress }
    sent = text
    await wait(isOwn ? pauses.own : pauses.other, undefined, { signal }).catch(() => undefined)
  }
}

function storedProgress({ rowsExtracted }: SyncReport): Progress {
  return { phase: 'load', rowsExtracted, rowsExpected: null }
}
