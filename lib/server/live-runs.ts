import { setTimeout as wait } from 'node:timers/promises'

import { SyncError } from '../domain/errors.js'
import type { LoadType } from '../domain/report.js'
import type { Progress } from '../options.js'
import type { RunRequest, ServerFunctions } from './functions.js'

/** A run that this server started and that is at work. */
export interface LiveRun {
  readonly executionId: string | undefined
  readonly progress: Progress | undefined
}

/** The run of this server, of which there is one at most. */
export interface LiveRuns {
  /** Gives the id as soon as the run has its row. Rejects with LOCKED while another one is at work, and with what a run fails with before that. */
  start(loadType: LoadType): Promise<string>
  current(): LiveRun | undefined
  /** Stops the run and waits for it, `patience` milliseconds at most. Later ones are refused with ABORTED. */
  stop(patience: number): Promise<void>
  /** Fires when the server stops. */
  readonly stopping: AbortSignal
}

interface Live {
  executionId?: string
  progress?: Progress
}

/** Failures of a run stand in its row, and whoever started it has logged them; so nobody else has to hear of them here. */
export function createLiveRuns(startRun: ServerFunctions['startRun']): LiveRuns {
  const stopping = new AbortController()
  let live: Live | undefined
  let done: Promise<unknown> = Promise.resolve()

  const start = async (loadType: LoadType) => {
    if (stopping.signal.aborted) throw isStopping()
    if (live) throw atWork(live.executionId)
    const run: Live = {}
    live = run
    return new Promise<string>((resolve, reject) => {
      const ended = ending(startRun, {
        loadType,
        triggeredBy: 'api',
        signal: stopping.signal,
        onStart: (executionId) => {
          run.executionId = executionId
          resolve(executionId)
        },
        onProgress: (progress) => void (run.progress = progress),
      })
      done = ended.then(resolve, reject).finally(() => (live = undefined))
    })
  }

  return {
    start,
    current: () => live && { executionId: live.executionId, progress: live.progress },
    stop: async (patience) => {
      stopping.abort(new Error('The server was told to stop.'))
      await Promise.race([done, wait(patience, undefined, { ref: false })])
    },
    stopping: stopping.signal,
  }
}

/** `async` turns what the function throws into a rejection. */
async function ending(startRun: ServerFunctions['startRun'], request: RunRequest): Promise<string> {
  return (await startRun(request)).executionId
}

function atWork(executionId: string | undefined): SyncError {
  return new SyncError('LOCKED', 'A run is at work already.', {
    remedy: 'Wait until it is done.',
    details: executionId === undefined ? {} : { executionId },
  })
}

function isStopping(): SyncError {
  return new SyncError('ABORTED', 'The server is stopping.', { remedy: 'Ask again when it is back.' })
}
