import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

import type { SyncOptions, SyncReport, VerifyReport } from '../../lib/index.js'
import type { Code } from './arguments.js'

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

/** What Node needs to run a file of this code. */
export const nodeFlags: Record<Code, readonly string[]> = {
  dist: [],
  source: ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href],
}

const manifest: { bin: { 'chatwoot-sync': string } } = createRequire(import.meta.url)('../../package.json')

const programs = {
  dist: { library: 'dist/lib/index.js', command: manifest.bin['chatwoot-sync'] },
  source: { library: 'lib/index.ts', command: 'bin/chatwoot-sync.ts' },
} as const

const root = new URL('../../', import.meta.url)

/** The command line of this code. */
export const commandOf = (code: Code): string => fileURLToPath(new URL(programs[code].command, root))

export async function startWorker(code: Code): Promise<Worker> {
  const program = fileURLToPath(new URL('child-sync.mjs', import.meta.url))
  const library = new URL(programs[code].library, root).href
  // Not with the flags of this process, which runs through tsx.
  const child = fork(program, [library], { execArgv: [...nodeFlags[code]] })
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
