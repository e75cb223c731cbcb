/** What people are told of. */
export type AlertKind =
  | 'failure'
  | 'staleness'
  | 'stuck-run'
  | 'rejected-rows'
  | 'differences'
  | 'margin'
  | 'target-unreachable'
  | 'test'

/** One message, as a webhook gets it in JSON; Slack and mail get title and text. Never a secret or personal data. */
export interface AlertMessage {
  readonly event: 'opened' | 'closed' | 'test'
  readonly kind: AlertKind
  readonly severity: 'warning' | 'critical'
  readonly pipeline: string
  /** The same at the begin and at the end of an incident. */
  readonly alertId: string
  readonly title: string
  readonly text: string
  /** UTC, to the second. */
  readonly openedAt: string
  readonly closedAt: string | null
}

/** Somewhere to send messages to. */
export interface Channel {
  readonly name: 'slack' | 'webhook' | 'mail'
  /** Rejects when the message was not taken. */
  readonly send: (message: AlertMessage, signal: AbortSignal) => Promise<void>
}

/** Why a channel did not take a message, and whether trying again soon can help. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly isFinal: boolean

  constructor(message: string, { isFinal }: { isFinal: boolean }) {
    super(message)
    this.isFinal = isFinal
  }
}
