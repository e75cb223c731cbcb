import { spawn, type ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'

/** A tiny process that outlives this one just long enough to leave nothing behind. */
export interface Watchdog {
  /** From now on `child` is stopped if this process dies. One at a time: the last one counts, and until it exits. */
  watch(child: ChildProcess): void
  /** Ends the watchdog; resolves once it is gone. What it watches must have exited. */
  dismiss(): Promise<void>
}

/**
 * Starts a watchdog whose standard input is a pipe from this process: the system closes it however this process dies, SIGKILL included.
 * Then it stops what it was told to watch and removes `folders` with all that is in them.
 */
export function startWatchdog(folders: readonly string[]): Watchdog {
  const child = spawn(process.execPath, ['-e', program, ...folders], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: {},
    detached: true,
    windowsHide: true,
  })
  const gone = new Promise<void>((resolve) =>
    child.once('exit', () => resolve()).once('error', () => resolve()),
  )
  // Someone may have killed the watchdog: the cluster works without it, only a crash of ours is no longer covered.
  child.stdin.on('error', () => undefined)
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
  const tell = (pid: number) => child.stdin.write(`${pid}\n`)
  return {
    watch: (watched) => {
      tell(watched.pid ?? 0)
      watched.once('exit', () => tell(0))
    },
    dismiss: async () => {
      child.ref()
      child.stdin.end()
      await gone
    },
  }
}

/**
 * Waits for the end of its input, then asks the last process named there to stop (SIGINT: PostgreSQL's fast shutdown), insists after
 * 10 s (SIGQUIT) and 15 s (SIGKILL), and removes the folders. Plain JavaScript in a string, so that it needs no file beside
 * the compiled, the bundled and the test-transformed code alike.
 */
const program = `
const { rm } = require('node:fs/promises')
let told = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (text) => { told = (told + text).slice(-64) })
process.stdin.on('error', () => {})
process.stdin.on('close', async () => {
  const pid = Number(told.trim().split('\\n').at(-1))
  for (let waited = 0; pid > 0 && waited < 20000; waited += 20) {
    try {
      process.kill(pid, { 0: 'SIGINT', 10000: 'SIGQUIT', 15000: 'SIGKILL' }[waited] ?? 0)
    } catch { break }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  for (const folder of process.argv.slice(1)) await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
})
`
