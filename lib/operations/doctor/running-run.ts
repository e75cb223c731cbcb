import { readRunningRun } from '../../postgres/control/run-list.js'
import { hasControl } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import { ok, warning, type Check } from './check.js'

/** Whether a run of the pipeline is in progress. */
export async function checkRunning(target: Session, pipeline: string): Promise<Check[]> {
  const name = 'running-run'
  // Another check reports that the table is missing.
  if (!(await hasControl(target))) return []
  const { isLocked, startedAt } = await readRunningRun(target, pipeline)
  const began = startedAt && `${startedAt.slice(0, 19)} UTC`
  if (isLocked) {
    const message = `A run of ${pipeline} is in progress${began ? ` since ${began}` : ''}.`
    return [warning(name, message, 'Wait until it ends: until then, every other run fails with LOCKED.')]
  }
  if (began) return [ok(name, `The run of ${began} died without closing its row; the next run closes it.`)]
  return [ok(name, `No run of ${pipeline} is in progress.`)]
}
