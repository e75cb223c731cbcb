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
