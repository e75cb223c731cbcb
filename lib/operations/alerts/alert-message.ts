/** What an alert is about. */
export type AlertKind =
  | 'failure'
  | 'staleness'
  | 'stuck-run'
  | 'rejected-rows'
  | 'differences'
  | 'margin'
  | 'lake'
  | 'target-unreachable'
  | 'test'

/**
 * One message, which a webhook receives as JSON; Slack and mail receive title and text. It holds no secret and no personal data.
 */
export interface AlertMessage {
  /** `opened` when an incident begins, `closed` when it is over. */
  readonly event: 'opened' | 'closed' | 'test'
  readonly kind: AlertKind
  readonly severity: 'warning' | 'critical'
  readonly pipeline: string
  /** A UUID; the same when an incident begins and when it is over. */
  readonly alertId: string
  /** One line. */
  readonly title: string
  /** What is wrong, since when, and what to do. */
  readonly text: string
  /** UTC, to the second: `2026-11-24 03:00:12`. */
  readonly openedAt: string
  /** Null as long as the incident lasts. */
  readonly closedAt: string | null
}

/** Somewhere to send messages to. */
export interface Channel {
  readonly name: 'slack' | 'webhook' | 'mail'
  /** Rejects when the message was not accepted. */
  readonly send: (message: AlertMessage, signal: AbortSignal) => Promise<void>
}

/** Why a channel did not accept a message, without a secret, and whether another attempt could succeed. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'
  readonly isFinal: boolean

  constructor(message: string, { isFinal }: { isFinal: boolean }) {
    super(message)
    this.isFinal = isFinal
  }
}
