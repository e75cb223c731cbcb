import { SyncError } from '../../domain/errors.js'
import { silentLogger, type Logger } from '../../domain/logger.js'
import { createRedactor } from '../../domain/redact.js'
import { defaults } from '../../options.js'
import {
  lockAlerts,
  readIncidents,
  recordFindings,
  recordRefusal,
  recordTold,
} from '../../postgres/control/alerts.js'
import { openSession, passwordOf } from '../../postgres/driver/connect.js'
import { readHealth, type HealthLimits } from '../../postgres/control/health.js'
import type { Session } from '../../postgres/driver/session.js'
import { limitsOf, type HealthOptions } from '../health/check-health.js'
import { toCheck } from '../health/health-text.js'
import { refusalText } from '../health/reachable.js'
import type { Channel } from './alert-message.js'
import { findingText } from './alert-text.js'
import { openChannels, type AlertChannels } from './channels.js'
import { findingsOf } from './findings.js'
import { tell, type Delivery, type Telling } from './tell.js'
import { newIncident, openMarker, type Marker } from './unreachable-marker.js'

export interface AlertOptions extends Omit<HealthOptions, 'source' | 'logDirectory'> {
  readonly channels: AlertChannels
  /** Folder for the one incident that the database cannot keep: that it cannot be used. (Default: none; then each call tells of it.) */
  readonly stateDirectory?: string | undefined
  /** Passwords and tokens to hide wherever they stand. (Default: the password of the target.) */
  readonly secrets?: readonly string[] | undefined
  /** Milliseconds before a refused message is sent again; then four times as long. (Default: 1000.) */
  readonly retryDelay?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** (Default: none.) */
  readonly logger?: Logger | undefined
}

/**
 * Tells people what is wrong with a pipeline, once when it begins and once when it is over; gives the messages that were sent or refused.
 * What is wrong is what `checkHealth` finds: failed runs, a stale table, a stuck run, rejected rows, differences, a margin used up, and
 * a target that cannot be used. Call it after each run, and from cron, where it works though no run ever starts.
 *
 * What was told is kept in `etl_alerts`; a message that was refused is sent by the next call. Several processes can call it at once.
 * Refusals are in the result. Throws CONFIG_INVALID, CONFIG_MISSING, TARGET_NOT_MIGRATED and what the target says against it.
 *
 * @example await sendAlerts({ target, channels: { slack: process.env.ALERT_SLACK_WEBHOOK_URL }, language: 'pt-BR' })
 */
export async function sendAlerts(options: AlertOptions): Promise<readonly Delivery[]> {
  const limits = limitsOf(options)
  const channels = await openChannels(options.channels)
  const settings = settingsOf(options, limits.pipeline)
  const { target: handle, connectTimeout = defaults.connectTimeout, stateDirectory } = options
  const marker = stateDirectory === undefined ? undefined : openMarker(stateDirectory, limits.pipeline)
  let target: Session
  try {
    target = await openSession('target', handle, { applicationName: 'chatwoot-sync alerts', connectTimeout })
  } catch (error) {
    if (error instanceof SyncError) return tellUnreachable(channels, error, marker, settings)
    throw error
  }
  await using session = target
  await lockAlerts(session, limits.pipeline)
  const reachable = marker ? await tellReachable(channels, marker, settings) : []
  return [...reachable, ...(await tellFindings(channels, session, limits, settings))]
}

type Settings = Omit<Telling, 'onDelivery'> & { readonly logger: Logger }

function settingsOf(options: AlertOptions, pipeline: string): Settings {
  const { target, language = 'en', secrets = [], retryDelay = 1000, signal, logger = silentLogger } = options
  const redact = createRedactor([...secrets, passwordOf(target) ?? ''])
  return { pipeline, language, redact, retryDelay, signal, logger }
}

async function tellFindings(
  channels: readonly Channel[],
  session: Session,
  limits: HealthLimits,
  settings: Settings,
): Promise<Delivery[]> {
  const { pipeline, language, redact, logger } = settings
  const rows = await readHealth(session, limits)
  const checks = rows.map((row) => toCheck(row, language))
  const findings = findingsOf(checks, language).map((one) => ({ ...one, message: redact(one.message) }))
  await recordFindings(session, pipeline, findings)
  const incidents = await readIncidents(session, pipeline)
  return tell(channels, incidents, {
    ...settings,
    onDelivery: async ({ alertId }, delivery) => {
      const { event, channel, refusal } = delivery
      log(logger, delivery)
      if (refusal !== null) await recordRefusal(session, alertId, `${channel}: ${refusal}`)
      else if (event !== 'test') await recordTold(session, alertId, event, channel)
    },
  })
}

async function tellUnreachable(
  channels: readonly Channel[],
  error: SyncError,
  marker: Marker | undefined,
  settings: Settings,
): Promise<Delivery[]> {
  const { language, redact, logger } = settings
  const { message, remedy } = refusalText('target', error, language)
  const found = newIncident(redact(findingText(message, remedy, language)))
  const incident = (await marker?.read()) ?? found
  const told = [...incident.openedTold]
  const deliveries = await tell(channels, [incident], {
    ...settings,
    onDelivery: async (_, delivery) => {
      log(logger, delivery)
      if (delivery.refusal === null) told.push(delivery.channel)
    },
  })
  await marker?.write({ ...incident, openedTold: told })
  return deliveries
}

/** Once every channel has been told of its end, the incident is forgotten. */
async function tellReachable(
  channels: readonly Channel[],
  marker: Marker,
  settings: Settings,
): Promise<Delivery[]> {
  const incident = await marker.read()
  if (!incident) return []
  const closed = { ...incident, closedAt: incident.closedAt ?? newIncident('').openedAt }
  const told = [...closed.closedTold]
  const deliveries = await tell(channels, [closed], {
    ...settings,
    onDelivery: async (_, delivery) => {
      log(settings.logger, delivery)
      if (delivery.refusal === null) told.push(delivery.channel)
    },
  })
  if (deliveries.every(({ refusal }) => refusal === null)) await marker.remove()
  else await marker.write({ ...closed, closedTold: told })
  return deliveries
}

function log(logger: Logger, { channel, kind, event, refusal }: Delivery): void {
  if (refusal === null) logger.info('People were told', { channel, kind, event })
  else logger.warn('An alert was refused; the next call sends it again', { channel, kind, event, refusal })
}
