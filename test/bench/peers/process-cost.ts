import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'

import type { Command } from './peer.js'

export interface ProcessCost {
  readonly milliseconds: number
  /** The most memory that the process and all below it had at one time, as the kernel counts it (VmHWM). */
  readonly peakBytes: number
  readonly output: string
}

/** Milliseconds between two looks at the memory. A peak is kept by the kernel, so that only the last moments before an end are missed. */
const interval = 40

/** Runs a command from its start to its end. Throws what it wrote when it fails. */
export async function runCommand({ program, args, env }: Command, home: string): Promise<ProcessCost> {
  const began = performance.now()
  const child = spawn(program, args, {
    cwd: home,
    env: { PATH: process.env['PATH'] ?? '', HOME: home, TZ: 'UTC', LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let peakBytes = 0
  const look = () => {
    if (child.pid !== undefined) peakBytes = Math.max(peakBytes, memoryBelow(child.pid))
  }
  const timer = setInterval(look, interval)
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  try {
    const [code] = await once(child, 'exit')
    const milliseconds = performance.now() - began
    const [stdout, stderr] = await output
    if (code !== 0)
      throw new Error(`${program} ended with ${String(code)}: ${(stderr + stdout).slice(-2000)}`)
    return { milliseconds, peakBytes, output: stdout }
  } finally {
    clearInterval(timer)
  }
}

/** Sum of the peaks of those that live now. */
function memoryBelow(pid: number): number {
  return peakOf(pid) + childrenOf(pid).reduce((sum, child) => sum + memoryBelow(child), 0)
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
      const list = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim()
      return list === '' ? [] : list.split(' ').map(Number)
    })
  } catch {
    return []
  }
}

const ownProgram = programOf(process.pid)

/** A process that was forked and does not run its own program yet still has the memory of its parent, which may be the bench. */
function peakOf(pid: number): number {
  try {
    const peak = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return programOf(pid) === ownProgram ? 0 : Number(peak?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

function programOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
