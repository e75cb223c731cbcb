import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

import type { SyncOptions, SyncReport } from '../../lib/index.js'
import { builtFile } from '../setup/built-file.js'

/** A run in a process of its own, which can be killed. */
export interface Victim extends AsyncDisposable {
  /** Begins the run; the process has loaded everything when this is called. */
  run(options: SyncOptions): Promise<void>
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void
  /** What the run came to, once the process has ended; undefined when it was killed. */
  ended(): Promise<{ readonly report?: SyncReport; readonly code?: string } | undefined>
}

/** It takes a moment until a victim is ready: start it before it is needed. */
export function startVictim(): Victim {
  const program = fileURLToPath(new URL('victim.mjs', import.meta.url))
  const child = spawn(process.execPath, [program, pathToFileURL(builtFile('lib/index.ts')).href], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  // Killed before it has read its options, it closes the pipe.
  child.stdin.on('error', () => undefined)
  const lines: string[] = []
  const output = createInterface(child.stdout)
  const ready = new Promise<void>((resolve) => {
    output.on('line', (line) => {
      lines.push(line)
      resolve()
    })
    child.once('exit', () => resolve())
  })
  const ended = Promise.all([once(child, 'exit'), once(output, 'close')])
  return {
    run: async (options) => {
      await ready
      child.stdin.write(`${JSON.stringify(options)}\n`)
    },
    signal: (name) => void child.kill(name),
    ended: async () => {
      await ended
      return lines[1] === undefined ? undefined : JSON.parse(lines[1])
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** One victim after the other, each ready when it is asked for, as the next one gets ready while it is used. */
export interface Victims extends AsyncDisposable {
  next(): Victim
}

export function startVictims(): Victims {
  let waiting = startVictim()
  return {
    next: () => {
      const victim = waiting
      waiting = startVictim()
      return victim
    },
    [Symbol.asyncDispose]: () => waiting[Symbol.asyncDispose](),
  }
}
