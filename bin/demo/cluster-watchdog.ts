import { spawn, type ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'

/** A small process that outlives this one just long enough to clean up after it. */
export interface Watchdog {
  /** From now on `child` is stopped if this process dies. Only one at a time: the last one, until it exits. */
  watch(child: ChildProcess): void
  /** Ends the watchdog; resolves once it has exited. What it watches must have exited before. */
  dismiss(): Promise<void>
}

/**
 * Starts a watchdog whose standard input is a pipe from this process: the system closes it however this process dies, even by SIGKILL.
 * The watchdog then stops the process that it watches and removes `folders` with their contents.
 */
export function startWatchdog(folders: readonly string[]): Watchdog {
  const child = spawn(process.execPath, ['-e', program, ...folders], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: {},
    detached: true,
    windowsHide: true,
  })
  const exited = new Promise<void>((resolve) =>
    child.once('exit', () => resolve()).once('error', () => resolve()),
  )
  // Somebody may have killed the watchdog: the cluster works without it, but a crash of this process is no longer covered.
  child.stdin.on('error', () => undefined)
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
  const send = (pid: number) => child.stdin.write(`${pid}\n`)
  return {
    watch: (watched) => {
      send(watched.pid ?? 0)
      watched.once('exit', () => send(0))
    },
    dismiss: async () => {
      child.ref()
      child.stdin.end()
      await exited
    },
  }
}

/**
 * Waits for the end of its input, then stops the last process whose id it read: with SIGINT, PostgreSQL's fast shutdown, after 10 s with SIGQUIT
 * and after 15 s with SIGKILL; then it removes the folders. Plain JavaScript in a string, so that compiled, bundled and test-transformed code
 * need no file for it.
 */
const program = `
const { rm } = require('node:fs/promises')
let received = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (text) => { received = (received + text).slice(-64) })
process.stdin.on('error', () => {})
process.stdin.on('close', async () => {
  const pid = Number(received.trim().split('\\n').at(-1))
  for (let waited = 0; pid > 0 && waited < 20000; waited += 20) {
    try {
      process.kill(pid, { 0: 'SIGINT', 10000: 'SIGQUIT', 15000: 'SIGKILL' }[waited] ?? 0)
    } catch { break }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  for (const folder of process.argv.slice(1)) await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
})
`
