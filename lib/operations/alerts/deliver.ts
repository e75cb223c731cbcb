import { setTimeout as wait } from 'node:timers/promises'

import type { Logger } from '../../domain/logger.js'
import type { Incident } from '../../postgres/control/alerts.js'
import type { Language } from '../health/health-check.js'
import { DeliveryError, type AlertKind, type AlertMessage, type Channel } from './alert-message.js'
import { titleOf, wordsOf } from './alert-text.js'

/** One message to one channel. */
export interface Delivery {
  readonly channel: Channel['name']
  readonly event: AlertMessage['event']
  readonly kind: AlertKind
  readonly title: string
  /** Null when the channel accepted it; else why not, without a secret. The next call sends it again. */
  readonly refusal: string | null
}

export interface Attempts {
  /** Milliseconds before the second attempt; the third waits four times as long. */
  readonly retryDelay: number
  readonly signal: AbortSignal | undefined
}

export interface DeliverySettings extends Attempts {
  readonly pipeline: string
  readonly language: Language
  /** Hides secrets and personal data. */
  readonly redact: (text: string) => string
  readonly logger: Logger
}

/** Called after each delivery, and awaited. */
export type OnDelivery = (incident: Incident, delivery: Delivery) => Promise<void>

/**
 * Sends each channel the messages that it has not accepted yet: the start of an incident, and the end of one whose start it accepted. After a
 * message that a channel does not accept, it gets no other one from this call.
 */
export async function deliverIncidents(
  channels: readonly Channel[],
  incidents: readonly Incident[],
  settings: DeliverySettings,
  onDelivery: OnDelivery = async () => undefined,
): Promise<Delivery[]> {
  const deliveries = await Promise.all(
    channels.map((channel) => deliverTo(channel, incidents, settings, onDelivery)),
  )
  return deliveries.flat()
}

async function deliverTo(
  channel: Channel,
  incidents: readonly Incident[],
  settings: DeliverySettings,
  onDelivery: OnDelivery,
): Promise<Delivery[]> {
  const deliveries: Delivery[] = []
  for (const incident of incidents) {
    const message = messageFor(channel, incident, settings)
    if (!message) continue
    const delivery = await deliver(channel, message, settings)
    log(settings.logger, delivery)
    await onDelivery(incident, delivery)
    deliveries.push(delivery)
    if (delivery.refusal !== null) break
  }
  return deliveries
}

function messageFor(
  { name }: Channel,
  incident: Incident,
  settings: DeliverySettings,
): AlertMessage | undefined {
  const hasBegin = incident.openedSentTo.includes(name)
  if (incident.closedAt === null) return hasBegin ? undefined : messageOf(incident, 'opened', settings)
  const needsEnd = hasBegin && !incident.closedSentTo.includes(name)
  return needsEnd ? messageOf(incident, 'closed', settings) : undefined
}

function messageOf(
  incident: Incident,
  event: 'opened' | 'closed',
  { pipeline, language, redact }: DeliverySettings,
): AlertMessage {
  const { alertId, severity, openedAt, closedAt, message } = incident
  const words = wordsOf(language)
  const kind = kindOf(incident)
  const times =
    closedAt === null
      ? words.since(words.time(openedAt))
      : words.lasted(words.time(openedAt), words.time(closedAt))
  const title = titleOf(pipeline, words[event][kind])
  const text = redact(event === 'opened' ? `${message}\n${times}` : times)
  return { event, kind, severity, pipeline, alertId, title, text, openedAt, closedAt }
}

/** A check of the table allows no other. */
function kindOf({ kind }: Incident): Exclude<AlertKind, 'test'> {
  switch (kind) {
    case 'staleness':
    case 'stuck-run':
    case 'rejected-rows':
    case 'differences':
    case 'margin':
    case 'lake':
    case 'target-unreachable':
      return kind
    default:
      return 'failure'
  }
}

/** Sends a message, in at most three attempts. Never rejects. */
export async function deliver(
  channel: Channel,
  message: AlertMessage,
  attempts: Attempts,
): Promise<Delivery> {
  const { event, kind, title } = message
  return { channel: channel.name, event, kind, title, refusal: await attempt(channel, message, attempts) }
}

async function attempt(
  channel: Channel,
  message: AlertMessage,
  { retryDelay, signal }: Attempts,
): Promise<string | null> {
  let reason = 'stopped'
  for (const delay of [0, retryDelay, retryDelay * 4]) {
    try {
      await wait(delay, undefined, signal ? { signal } : {})
      const limits = [AbortSignal.timeout(attemptTimeout), ...(signal ? [signal] : [])]
      await channel.send(message, AbortSignal.any(limits))
      return null
    } catch (error) {
      if (signal?.aborted) return 'stopped'
      reason = reasonOf(error)
      if (error instanceof DeliveryError && error.isFinal) return reason
    }
  }
  return reason
}

/** Milliseconds: a run waits for this at its end. */
const attemptTimeout = 10_000

/** What fetch throws names the address in its cause, so only the code is shown. */
function reasonOf(error: unknown): string {
  if (error instanceof DeliveryError) return error.message
  if (!(error instanceof Error)) return 'it failed'
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'it did not answer in time'
  const cause: unknown = error.cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : error.name
  return `it cannot be reached (${code})`
}

function log(logger: Logger, { channel, kind, event, refusal }: Delivery): void {
  if (refusal === null) logger.info('Alert sent', { channel, kind, event })
  else logger.warn('Alert not delivered; the next call sends it again', { channel, kind, event, refusal })
}
