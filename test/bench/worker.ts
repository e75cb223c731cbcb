import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath, pathToFileURL } from 'node:url'

import type { SyncOptions, SyncReport, VerifyReport } from '../../lib/index.js'
import { builtFile } from '../setup/built-file.js'

/** A process in which the measured library runs. It is warm from the second run on, as a service that keeps running is. */
export interface Worker extends AsyncDisposable {
  sync(options: SyncOptions, transforms?: boolean): Promise<Done<SyncReport>>
  verify(options: SyncOptions): Promise<Done<VerifyReport>>
}

export interface Done<Report> {
  readonly milliseconds: number
  readonly cpuMilliseconds: number
  /** The most memory that the process had since it started. */
  readonly peakBytes: number
  readonly report: Report
}

export async function startWorker(): Promise<Worker> {
  const program = fileURLToPath(new URL('child-sync.mjs', import.meta.url))
  const library = pathToFileURL(builtFile('lib/index.ts')).href
  // Not with the flags of this process, which runs through tsx.
  const child = fork(program, [library], { execArgv: [] })
  await nextMessage()

  async function nextMessage(): Promise<unknown> {
    const done = new AbortController()
    const ended = once(child, 'exit', { signal: done.signal }).then(([code]) => {
      throw new Error(`The measured process ended with ${code}.`)
    })
    try {
      const [message] = await Promise.race([once(child, 'message', { signal: done.signal }), ended])
      return message
    } finally {
      ended.catch(() => undefined)
      done.abort()
    }
  }

  async function run<Report>(job: object): Promise<Done<Report>> {
    child.send(job)
    const answer = (await nextMessage()) as Done<Report> | { readonly error: string }
    if ('error' in answer) throw new Error(answer.error)
    return answer
  }

  return {
    sync: (options, transforms = false) => run({ kind: 'sync', options, transforms }),
    verify: (options) => run({ kind: 'verify', options }),
    [Symbol.asyncDispose]: async () => {
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    },
  }
}
