import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Cluster } from '../../../bin/demo/cluster.js'
import { openTarget, type Target } from './open-target.js'
import type { Peer, Task } from './peer.js'
import { runCommand } from './process-cost.js'

/** A tool with a target and a home of its own. */
export interface Contestant extends AsyncDisposable {
  readonly peer: Peer
  readonly task: Task
  readonly target: Target
  /** Milliseconds of one run. */
  run(isFirst: boolean): Promise<number>
  /** Of all runs so far. */
  peakBytes(): number
}

export async function openContestant(
  peer: Peer,
  installed: string,
  about: Omit<Task, 'target' | 'folder' | 'installed'>,
  cluster: Cluster,
): Promise<Contestant> {
  const target = await openTarget(cluster)
  const folder = await mkdtemp(join(tmpdir(), 'chatwoot-sync-peer-'))
  const task = { ...about, target: target.url, folder, installed }
  let peak = 0
  await peer.prepare(task)
  return {
    ...{ peer, task, target },
    run: async (isFirst) => {
      await target.query('checkpoint')
      const { milliseconds, peakBytes } = await runCommand(peer.command(task, isFirst), folder)
      peak = Math.max(peak, peakBytes)
      return milliseconds
    },
    peakBytes: () => peak,
    [Symbol.asyncDispose]: async () => {
      await target[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
