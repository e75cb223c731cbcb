import { SyncError } from '../../domain/errors.js'
import { silentLogger, type Logger } from '../../domain/logger.js'
import { checkSchemaName } from '../../domain/schema-name.js'
import { createRedactor } from '../../domain/redact.js'
import { defaults } from '../../options.js'
import {
  lockAlerts,
  readIncidents,
  recordDelivery,
  recordFailedDelivery,
  updateIncidents,
} from '../../postgres/control/alerts.js'
import { readHealth, type HealthLimits } from '../../postgres/control/health.js'
import { openSession, passwordOf } from '../../postgres/driver/connect.js'
import type { Session } from '../../postgres/driver/session.js'
import { limitsOf, type HealthOptions } from '../health/check-health.js'
import { toCheck } from '../health/health-text.js'
import { errorText } from '../health/reachable.js'
import type { Channel } from './alert-message.js'
import { problemText } from './alert-text.js'
import { openChannels, type AlertChannels } from './channels.js'
import { deliverIncidents, type Delivery, type DeliverySettings } from './deliver.js'
import { incidentFile, unreachableIncident, utcNow, type IncidentFile } from './incident-file.js'
import { problemsOf } from './problems.js'

export interface AlertOptions extends Omit<HealthOptions, 'source' | 'logDirectory'> {
  /** Where to send alerts; at least one channel. */
  readonly channels: AlertChannels
  /**
   * Folder for a file that keeps the one incident that the target cannot record: that it cannot be used itself. (Default: none; every call
   * then sends that alert again, and none when the target works again.)
   */
  readonly stateDirectory?: string | undefined
  /** Passwords and tokens to hide in messages. The password of the target is always hidden. (Default: none.) */
  readonly secrets?: readonly string[] | undefined
  /** Milliseconds before a message that was not accepted is sent again; the third and last attempt waits four times as long. (Default: 1000.) */
  readonly retryDelay?: number | undefined
  /** Stops sending; what was not sent is sent by the next call. (Default: none.) */
  readonly signal?: AbortSignal | undefined
  /** Logs each alert that was sent or not accepted. (Default: none.) */
  readonly logger?: Logger | undefined
}

/**
 * Sends alerts about a pipeline: one when a problem begins and one when it is over, to each channel. Problems are what `checkHealth` finds:
 * failed runs, a stale table, a stuck run, rejected rows, differences, a skew allowance that is used up, and a target that cannot be used.
 * Returns the messages of this call; a channel that does not accept one is in the result, not an error, and the next call sends it again.
 *
 * Call it after each run and, as a run that never starts raises no alert by itself, from cron. `etl_alerts` records what was sent, and a
 * lock keeps several processes from sending an alert twice. A message takes 10 s in each of three attempts at most.
 *
 * Throws CONFIG_INVALID or CONFIG_MISSING for options that cannot work and where mail needs the package nodemailer, TARGET_NOT_MIGRATED,
 * TARGET_POOLED behind a pooler, and the errors of statements on the target.
 *
 * @example
 * await sendAlerts({ target, channels: { slack: process.env.ALERT_SLACK_WEBHOOK_URL }, language: 'pt-BR' })
 */
export async function sendAlerts(options: AlertOptions): Promise<readonly Delivery[]> {
  checkSchemaName(options.schema)
  const limits = limitsOf(options)
  const { pipeline } = limits
  const channels = await openChannels(options.channels)
  const settings = settingsOf(options, pipeline)
  const { target: handle, schema, connectTimeout = defaults.connectTimeout, stateDirectory } = options
  const file = stateDirectory === undefined ? undefined : incidentFile(stateDirectory, pipeline, schema)
  let target: Session
  try {
    const applicationName = 'chatwoot-sync alerts'
    target = await openSession('target', handle, { applicationName, connectTimeout, schema })
  } catch (error) {
    if (error instanceof SyncError) return alertUnreachable(channels, error, file, { ...settings, schema })
    throw error
  }
  await using session = target
  await lockAlerts(session, pipeline)
  const ofTarget = file ? await alertReachable(channels, file, settings) : []
  return [...ofTarget, ...(await alertProblems(channels, session, limits, settings))]
}

function settingsOf(options: AlertOptions, pipeline: string): DeliverySettings {
  const { target, language = 'en', secrets = [], retryDelay = 1000, signal, logger = silentLogger } = options
  const redact = createRedactor([...secrets, passwordOf(target) ?? ''])
  return { pipeline, language, redact, retryDelay, signal, logger }
}

async function alertProblems(
  channels: readonly Channel[],
  session: Session,
  limits: HealthLimits,
  settings: DeliverySettings,
): Promise<Delivery[]> {
  const { pipeline, language, redact } = settings
  const rows = await readHealth(session, limits)
  const checks = rows.map((row) => toCheck(row, language))
  const problems = problemsOf(checks, language).map((one) => ({ ...one, message: redact(one.message) }))
  await updateIncidents(session, pipeline, problems)
  const incidents = await readIncidents(session, pipeline)
  return deliverIncidents(channels, incidents, settings, async ({ alertId }, delivery) => {
    const { event, channel, refusal } = delivery
    if (refusal !== null) await recordFailedDelivery(session, alertId, `${channel}: ${refusal}`)
    else if (event !== 'test') await recordDelivery(session, alertId, event, channel)
  })
}

async function alertUnreachable(
  channels: readonly Channel[],
  error: SyncError,
  file: IncidentFile | undefined,
  settings: DeliverySettings & Pick<AlertOptions, 'schema'>,
): Promise<Delivery[]> {
  const { language, redact } = settings
  const { message, remedy } = errorText('target', error, settings)
  const found = unreachableIncident(redact(problemText(message, remedy, language)))
  const incident = (await file?.read()) ?? found
  const deliveries = await deliverIncidents(channels, [incident], settings)
  const openedSentTo = [...incident.openedSentTo, ...acceptedBy(deliveries)]
  await kept(file?.write({ ...incident, openedSentTo }), settings)
  return deliveries
}

/** Alerts were sent whether or not it can be recorded. */
async function kept(recording: Promise<void> | undefined, { logger }: DeliverySettings): Promise<void> {
  try {
    await recording
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'an error'
    logger.warn('What was sent could not be recorded in the log folder; the next call may send it again', {
      reason,
    })
  }
}

/** Once every channel has accepted the end of the incident, the file is removed. */
async function alertReachable(
  channels: readonly Channel[],
  file: IncidentFile,
  settings: DeliverySettings,
): Promise<Delivery[]> {
  const incident = await file.read()
  if (!incident) return []
  const closed = { ...incident, closedAt: incident.closedAt ?? utcNow() }
  const deliveries = await deliverIncidents(channels, [closed], settings)
  const closedSentTo = [...closed.closedSentTo, ...acceptedBy(deliveries)]
  const isDone = deliveries.every(({ refusal }) => refusal === null)
  await kept(isDone ? file.remove() : file.write({ ...closed, closedSentTo }), settings)
  return deliveries
}

function acceptedBy(deliveries: readonly Delivery[]): string[] {
  return deliveries.filter(({ refusal }) => refusal === null).map(({ channel }) => channel)
}
