import { SyncError } from '../../lib/domain/errors.js'
import type { AlertDelivery, AlertOptions } from '../../lib/index.js'
import { sendAlerts } from '../../lib/operations/alerts/send-alerts.js'
import { alertChannelsOf, alertLanguageOf } from '../flags/alert-settings.js'
import type { OutputFlags } from '../flags/output-flags.js'
import { secretsOf } from '../flags/secrets.js'
import { openLog } from '../logs/run-log.js'
import { printError, withoutSecrets } from './error-output.js'

type AlertScope = Pick<
  AlertOptions,
  'target' | 'schema' | 'pipeline' | 'expectedInterval' | 'stuckAfter' | 'skewAllowance' | 'signal'
>

export interface SendFlags extends Pick<OutputFlags, 'logDir' | 'logFile'> {
  /** Whether it is an error that no channel is configured. (Default: nothing is sent.) */
  readonly requireChannel?: true
}

/**
 * Sends the alerts of a pipeline to the channels that ALERT_* configure, and prints on stderr which channel rejected one.
 * Throws CONFIG_MISSING where a channel is required and none is configured, and what the library's `sendAlerts` throws.
 */
export async function sendConfiguredAlerts(
  scope: AlertScope,
  flags: SendFlags,
): Promise<readonly AlertDelivery[]> {
  const channels = alertChannelsOf(process.env)
  if (!channels && !flags.requireChannel) return []
  const language = alertLanguageOf(process.env)
  await using log = await openLog(flags)
  const deliveries = await sendAlerts({
    ...scope,
    channels: channels ?? {},
    language,
    secrets: secretsOf(process.env),
    stateDirectory: flags.logFile ? flags.logDir : undefined,
    logger: log.logger,
  })
  printRejectedAlerts(deliveries)
  return deliveries
}

/** `sendConfiguredAlerts` after a run, whose outcome it never changes: a failure is only printed on stderr. */
export async function sendAlertsAfterRun(scope: AlertScope, flags: SendFlags): Promise<void> {
  try {
    await sendConfiguredAlerts(scope, flags)
  } catch (error) {
    const reason = error instanceof SyncError ? error.message : String(error)
    printError(`alerts could not be sent: ${withoutSecrets(reason)}`)
  }
}

/** Prints a line on stderr for each alert that its channel rejected. */
export function printRejectedAlerts(deliveries: readonly AlertDelivery[]): void {
  for (const { channel, title, refusal } of deliveries) {
    if (refusal !== null) printError(`${channel} rejected the alert "${title}": ${refusal}`)
  }
}
