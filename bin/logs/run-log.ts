import type { OutputFlags } from '../flags/output-flags.js'
import { secretsOf } from '../flags/secrets.js'
import { createLogger } from './logger.js'

/** The log file of a run, or nothing with `--no-log-file`. Disposing it waits until everything is written. */
export async function openLog({ logFile, logDir }: Pick<OutputFlags, 'logFile' | 'logDir'>) {
  if (!logFile) return { logger: undefined, [Symbol.asyncDispose]: () => Promise.resolve() }
  const secrets = secretsOf(process.env)
  const { logger, close } = await createLogger({ directory: logDir, console: 'off', secrets })
  return { logger, [Symbol.asyncDispose]: close }
}
