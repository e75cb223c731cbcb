import { secretsOf } from '../flags/environment.js'
import type { RunFlags } from '../flags/run-flags.js'

/** The log file of a run, or nothing with `--no-log-file`. Disposing it waits until all is written. */
export async function openLog({ logFile, logDir }: Pick<RunFlags, 'logFile' | 'logDir'>) {
  if (!logFile) return { logger: undefined, [Symbol.asyncDispose]: () => Promise.resolve() }
  const { createLogger } = await import('./logger.js')
  const secrets = secretsOf(process.env)
  const { logger, close } = await createLogger({ directory: logDir, console: 'off', secrets })
  return { logger, [Symbol.asyncDispose]: close }
}
