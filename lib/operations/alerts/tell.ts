import type { Incident } from '../../postgres/control/alerts.js'
import type { Language } from '../health/health-check.js'
import type { AlertKind, AlertMessage, Channel } from './alert-message.js'
import { titleOf, wordsOf } from './alert-text.js'
import { deliver, type DeliveryOptions } from './deliver.js'

/** One message, and what became of it. */
export interface Delivery {
  readonly channel: Channel['name']
  readonly event: AlertMessage['event']
  readonly kind: AlertKind
  readonly title: string
  /** Null when it was taken; else why not. The next call tries again. */
  readonly refusal: string | null
}

export interface Telling extends DeliveryOptions {
  readonly pipeline: string
  readonly language: Language
  /** Hides secrets and personal data. */
  readonly redact: (text: string) => string
  /** Called after each message. */
  readonly onDelivery: (incident: Incident, delivery: Delivery) => Promise<void>
}

/**
 * Sends to each channel what it was not told yet: of an open incident its begin, of a closed one its end, where it was told of the begin.
 * A channel that refuses a message is left alone until the next call.
 */
export async function tell(
  channels: readonly Channel[],
  incidents: readonly Incident[],
  telling: Telling,
): Promise<Delivery[]> {
  const told = await Promise.all(channels.map((channel) => tellChannel(channel, incidents, telling)))
  return told.flat()
}

async function tellChannel(channel: Channel, incidents: readonly Incident[], telling: Telling) {
  const deliveries: Delivery[] = []
  for (const incident of incidents) {
    const message = messageFor(channel, incident, telling)
    if (!message) continue
    const refusal = await deliver(channel, message, telling)
    const { event, kind, title } = message
    const delivery = { channel: channel.name, event, kind, title, refusal }
    await telling.onDelivery(incident, delivery)
    deliveries.push(delivery)
    if (refusal !== null) break
  }
  return deliveries
}

function messageFor({ name }: Channel, incident: Incident, telling: Telling): AlertMessage | undefined {
  const wasToldBegin = incident.openedTold.includes(name)
  if (incident.closedAt === null) return wasToldBegin ? undefined : messageOf(incident, 'opened', telling)
  return wasToldBegin && !incident.closedTold.includes(name)
    ? messageOf(incident, 'closed', telling)
    : undefined
}

function messageOf(
  incident: Incident,
  event: 'opened' | 'closed',
  { pipeline, language, redact }: Telling,
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

/** The table's own check allows no other. */
function kindOf({ kind }: Incident): Exclude<AlertKind, 'test'> {
  switch (kind) {
    case 'staleness':
    case 'stuck-run':
    case 'rejected-rows':
    case 'differences':
    case 'margin':
    case 'target-unreachable':
      return kind
    default:
      return 'failure'
  }
}
