import { exitCodes } from './exit-code.js'

/**
 * A signal that fires at the first SIGINT or SIGTERM, so that the work in hand can be ended cleanly. The second one ends the process at
 * once, with the exit code that shells give to a process ended by that signal.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(128 + number)
      process.stderr.write('chatwoot-sync: stopping; once more to stop at once\n')
      stop.abort(new Error(name))
    })
  }
  return stop.signal
}

/**
 * The same for what runs until it is told to end, and then ends within five seconds: nothing ends a connection that a dead network is still
 * opening, and whoever stops a service does not wait for it. The row of a run that could not be closed so is closed by the next one.
 */
export function endingSignal(): AbortSignal {
  const signal = stopSignal()
  signal.addEventListener('abort', () => setTimeout(() => process.exit(exitCodes.failed), 4500).unref())
  return signal
}
