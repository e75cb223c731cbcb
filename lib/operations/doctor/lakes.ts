import { access, constants } from 'node:fs/promises'

import { readDelta } from '../../lake/delta/read-delta.js'
import { honoursPutIfAbsent, openStorage, overwriting } from '../../lake/storage/open-storage.js'
import { mayReadLakes } from '../../postgres/control/lake-states.js'
import { readLakes, type RegisteredLake } from '../../postgres/control/lakes.js'
import { SyncError } from '../../domain/errors.js'
import type { Session } from '../../postgres/driver/session.js'
import { tablesWithTriggers } from '../../postgres/target/lake-triggers.js'
import { ok, warning, type Check } from './check.js'

const name = 'target-lake'

/**
 * Whether each lake of the pipeline can be written: its place can be reached, its log continued, a bucket creates a file once whoever else
 * tries, which is tried on a file that is removed again, and its table has the triggers that mark changes. A lake fails no run, so that none of
 * it is critical. Nothing for a role that may not read which lakes there are.
 */
export async function checkLakes(target: Session, pipeline: string): Promise<Check[]> {
  if (!(await mayReadLakes(target))) return []
  const lakes = await readLakes(target, pipeline)
  const checks: Check[] = []
  for (const lake of lakes) checks.push(await checkLake(target, lake))
  return checks
}

async function checkLake(target: Session, { lake, lakeId, settings }: RegisteredLake): Promise<Check> {
  if ((await target.rows(tablesWithTriggers(lakeId))).length === 0) {
    const message = `No table has the triggers that mark its changes for the lake ${lake}.`
    return warning(name, message, `Run chatwoot-sync lake --to ${lake}, which creates them.`)
  }
  try {
    // To open a folder would create it.
    if (!lake.includes('://')) await access(lake, constants.R_OK | constants.W_OK)
    await using storage = await openStorage(lake, settings)
    const table = await readDelta(storage)
    if (lake.includes('://') && !(await honoursPutIfAbsent(storage))) {
      const { message, remedy } = overwriting(lake)
      return warning(name, message, remedy)
    }
    return ok(
      name,
      `The lake ${lake} can be written; ${table ? `its version is ${table.version}` : 'it is empty'}.`,
    )
  } catch (error) {
    const message = error instanceof SyncError ? error.message : 'Its folder cannot be written.'
    return warning(
      name,
      `The lake ${lake} cannot be written: ${message}`,
      'Correct it, or end the lake with --unregister.',
    )
  }
}
