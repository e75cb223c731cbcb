import { setTimeout as wait } from 'node:timers/promises'

import { Refusal, type AlertMessage, type Channel } from './alert-message.js'

export interface DeliveryOptions {
  /** Milliseconds before the second try; the third waits four times as long. */
  readonly retryDelay: number
  readonly signal: AbortSignal | undefined
}

/** Sends a message, three times at most. Gives null, or why it was not taken, without a secret. Never rejects. */
export async function deliver(
  channel: Channel,
  message: AlertMessage,
  { retryDelay, signal }: DeliveryOptions,
): Promise<string | null> {
  let reason = 'stopped'
  for (const delay of [0, retryDelay, retryDelay * 4]) {
    try {
      await wait(delay, undefined, signal ? { signal } : {})
      const limits = [AbortSignal.timeout(patience), ...(signal ? [signal] : [])]
      await channel.send(message, AbortSignal.any(limits))
      return null
    } catch (error) {
      if (signal?.aborted) return 'stopped'
      reason = reasonOf(error)
      if (error instanceof Refusal && error.isFinal) return reason
    }
  }
  return reason
}

/** Milliseconds for one try: a run waits for this at its end. */
const patience = 10_000

/** What fetch throws names the address in its cause; only the code is told. */
function reasonOf(error: unknown): string {
  if (error instanceof Refusal) return error.message
  if (!(error instanceof Error)) return 'it failed'
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'it did not answer in time'
  const cause: unknown = error.cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : error.name
  return `it cannot be reached (${code})`
}
