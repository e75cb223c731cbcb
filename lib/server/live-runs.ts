import { setTimeout as wait } from 'node:timers/promises'

import { SyncError } from '../domain/errors.js'
import type { Progress } from '../options.js'
import type { RunRequest, ServerFunctions } from './functions.js'

/** A run that this server has started and that has not ended. */
export interface LiveRun {
  /** Undefined until the run has its row. */
  readonly executionId: string | undefined
  readonly progress: Progress | undefined
}

/** The run of this server, of which there is one at most. */
export interface LiveRuns {
  /** Returns the id as soon as the run has its row. Throws LOCKED while another one is running, and what a run fails with before it has its row. */
  start(request: Pick<RunRequest, 'loadType' | 'complete'>): Promise<string>
  current(): LiveRun | undefined
  /** Stops the run and waits for it, `timeout` milliseconds at most. Starting another one then throws ABORTED. */
  stop(timeout: number): Promise<void>
  /** Fires when the server stops. */
  readonly stopping: AbortSignal
}

interface Live {
  executionId?: string
  progress?: Progress
}

/** A run that fails says so in its row, and `startRun` logs it; so its error is thrown here only when there is no row. */
export function createLiveRuns(startRun: ServerFunctions['startRun']): LiveRuns {
  const stopping = new AbortController()
  let live: Live | undefined
  let done: Promise<unknown> = Promise.resolve()

  const start: LiveRuns['start'] = async (request) => {
    if (stopping.signal.aborted) throw isStopping()
    if (live) throw isRunning(live.executionId)
    const run: Live = {}
    live = run
    return new Promise<string>((resolve, reject) => {
      const ended = startAsync(startRun, {
        ...request,
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
    stop: async (timeout) => {
      stopping.abort(new Error('The server was stopped.'))
      await Promise.race([done, wait(timeout, undefined, { ref: false })])
    },
    stopping: stopping.signal,
  }
}

/** `async` turns what the function throws into a rejection. */
async function startAsync(startRun: ServerFunctions['startRun'], request: RunRequest): Promise<string> {
  return (await startRun(request)).executionId
}

function isRunning(executionId: string | undefined): SyncError {
  return new SyncError('LOCKED', 'Another run is in progress.', {
    remedy: 'Wait until it has ended.',
    details: executionId === undefined ? {} : { executionId },
  })
}

function isStopping(): SyncError {
  return new SyncError('ABORTED', 'The server is stopping.', { remedy: 'Try again when it is back.' })
}
