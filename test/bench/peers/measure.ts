import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Cluster } from '../../../bin/demo/cluster.js'
import { requireEqual } from '../database.js'
import { openTarget } from './open-target.js'
import type { Peer, Task } from './peer.js'
import { runCommand } from './process-cost.js'
import { digest, type TaskData } from './task-data.js'

/** What one tool took, from an empty target on; null where it has no such run. */
export interface Sample {
  readonly firstLoad: number
  readonly nothingChanged: number | null
  readonly thousandChanged: number | null
  readonly peakBytes: number
  /** Of the first load. */
  readonly walBytes: number
}

/** A round of one tool. Throws when the target does not hold what the source does. */
export async function measure(
  peer: Peer,
  installed: string,
  data: TaskData,
  cluster: Cluster,
): Promise<Sample> {
  await using target = await openTarget(cluster)
  const folder = await mkdtemp(join(tmpdir(), 'chatwoot-sync-peer-'))
  try {
    const task: Task = { ...data.task, target: target.url, folder, installed }
    await mkdir(folder, { recursive: true })
    await peer.prepare(task)
    const run = async (isFirst = false) => {
      await Promise.all([data.source.query('checkpoint'), target.query('checkpoint')])
      return runCommand(peer.command(task, isFirst), folder)
    }
    const check = async (what: string) => {
      const [there, here] = await Promise.all([
        digest(task.source, task.table, task),
        digest(task.target, peer.tableOf(task), task),
      ])
      requireEqual(`${peer.name}, ${what} (${here} of ${there})`, here, there)
    }
    const before = await target.walBytes()
    const first = await run(true)
    const walBytes = (await target.walBytes()) - before
    await check('first load')
    if (peer.kind === 'floor') {
      const none = { nothingChanged: null, thousandChanged: null }
      return { firstLoad: first.milliseconds, ...none, peakBytes: first.peakBytes, walBytes }
    }
    await target.query('vacuum analyze')
    await data.live()
    const idle = await run()
    await check('nothing changed')
    await data.change()
    const changed = await run()
    await check('1,000 changed')
    return {
      firstLoad: first.milliseconds,
      nothingChanged: idle.milliseconds,
      thousandChanged: changed.milliseconds,
      peakBytes: Math.max(first.peakBytes, idle.peakBytes, changed.peakBytes),
      walBytes,
    }
  } finally {
    await data.restore()
    await rm(folder, { recursive: true, force: true })
  }
}
