import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'

import { median } from './contest.js'

export interface Work {
  readonly command: readonly string[]
  readonly variables: NodeJS.ProcessEnv
}

/** What a process took. */
export interface Run {
  readonly milliseconds: number
  /** Of 2^20 bytes; 0 where the system does not say. */
  readonly megabytes: number
  readonly output: string
}

/** From the start of a process to its end, with the most memory that the system counted for it. */
export async function runProcess(work: Work, more: NodeJS.ProcessEnv = {}): Promise<Run> {
  const { PATH, HOME } = process.env
  const [command = '', ...args] = work.command
  const began = performance.now()
  const child = spawn(command, args, {
    env: { PATH, HOME, ...work.variables, ...more },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const printed = text(child.stdout)
  let isDone = false
  const ended = once(child, 'exit').finally(() => (isDone = true))
  let peak = 0
  const watched = (async () => {
    while (!isDone) {
      peak = Math.max(peak, await peakOf(child.pid))
      await delay(100)
    }
  })()
  const [code] = await ended
  const milliseconds = performance.now() - began
  await watched
  if (code !== 0) throw new Error(`${args[0] ?? command} ended with ${code}.`)
  return { milliseconds, megabytes: peak / 1024, output: await printed }
}

/** In KB; 0 for a process that has ended, or where the system does not say. */
async function peakOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? 0)
}

type Timed = Pick<Run, 'milliseconds'>

export const timeOf = (runs: readonly Timed[]) => median(runs.map(({ milliseconds }) => milliseconds))

/** Of each round, as what slows the machine down slows both. */
export const pairedRatio = (runs: readonly Timed[], others: readonly Timed[]) =>
  median(runs.map(({ milliseconds }, round) => milliseconds / (others[round]?.milliseconds ?? NaN)))
