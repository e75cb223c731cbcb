import { exitCodes } from './exit-code.js'

/**
 * A signal that aborts at the first SIGINT or SIGTERM, so that the current work can end cleanly. A second one exits the process at once,
 * with the exit code that shells use for that signal.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(128 + number)
      process.stderr.write('chatwoot-sync: stopping; send the signal again to exit immediately\n')
      stop.abort(new Error(name))
    })
  }
  return stop.signal
}

/**
 * `stopSignal` for commands that run until they are stopped: the process then exits within five seconds, because nothing else ends a
 * connection attempt over a dead network, and a service manager does not wait for it. The next run closes the row of a run cut off this way.
 */
export function serviceStopSignal(): AbortSignal {
  const signal = stopSignal()
  signal.addEventListener('abort', () => setTimeout(() => process.exit(exitCodes.failed), 4500).unref())
  return signal
}
