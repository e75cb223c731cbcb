import { SyncError } from '../lib/domain/errors.js'
import { redact } from '../lib/domain/redact.js'
import type { AlertDelivery, AlertOptions } from '../lib/index.js'
import { alertChannelsOf, alertLanguageOf } from './flags/alert-settings.js'
import { complain } from './output/complaint.js'
import { secretsOf } from './flags/environment.js'
import { openLog } from './logs/run-log.js'

type Where = Pick<
  AlertOptions,
  'target' | 'pipeline' | 'expectedInterval' | 'stuckAfter' | 'skewAllowance' | 'signal'
>

export interface TellFlags {
  readonly logDir: string
  readonly logFile: boolean
  /** That there is nobody to tell is an error, rather than nothing to do. */
  readonly isAsked?: boolean
}

/**
 * Sends the alerts of a pipeline where ALERT_* says so, and says on stderr what was refused.
 * Throws CONFIG_MISSING where a channel is asked for and none is set, and what `sendAlerts` throws.
 */
export async function tellPeople(where: Where, flags: TellFlags): Promise<readonly AlertDelivery[]> {
  const channels = alertChannelsOf(process.env)
  if (!channels && !flags.isAsked) return []
  const language = alertLanguageOf(process.env)
  await using log = await openLog(flags)
  const { sendAlerts } = await import('../lib/index.js')
  const deliveries = await sendAlerts({
    ...where,
    channels: channels ?? {},
    language,
    secrets: secretsOf(process.env),
    stateDirectory: flags.logFile ? flags.logDir : undefined,
    logger: log.logger,
  })
  tellRefusals(deliveries)
  return deliveries
}

/** The same beside other work, whose outcome it never changes: what goes wrong is said on stderr. */
export async function tellPeopleAfterRun(where: Where, flags: TellFlags): Promise<void> {
  try {
    await tellPeople(where, flags)
  } catch (error) {
    const reason = error instanceof SyncError ? error.message : String(error)
    complain(`no alerts could be sent: ${redact(reason, secretsOf(process.env))}`)
  }
}

/** One line for each message that was refused. */
export function tellRefusals(deliveries: readonly AlertDelivery[]): void {
  for (const { channel, title, refusal } of deliveries) {
    if (refusal === null) continue
    complain(`${channel} did not take the alert "${title}": ${refusal}`)
  }
}
