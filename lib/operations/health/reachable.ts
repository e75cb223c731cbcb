import { SyncError } from '../../domain/errors.js'
import { openSession, type DatabaseHandle } from '../../postgres/connect.js'
import type { Session, Side } from '../../postgres/session.js'
import type { HealthCheck } from './health-check.js'

/** A connection if there could be one, and what is to be said of it. */
export interface Reached {
  readonly session: Session | undefined
  readonly check: HealthCheck
}

/** Connects, which is the check. What the server says against it is found, not thrown. */
export async function reach(side: Side, handle: DatabaseHandle, connectTimeout: number): Promise<Reached> {
  const base = { name: side, unit: 'milliseconds', limit: null, criticalLimit: connectTimeout }
  const began = performance.now()
  try {
    const session = await openSession(side, handle, {
      applicationName: 'chatwoot-sync health',
      connectTimeout,
    })
    const value = Math.round(performance.now() - began)
    const message = `The ${side} can be reached, in ${value} ms.`
    return { session, check: { ...base, outcome: 'ok', value, message, remedy: null } }
  } catch (error) {
    return { session: undefined, check: refused(side, error, connectTimeout) }
  }
}

/** The check that stands for an error that this package throws on purpose. */
export function refused(name: string, error: unknown, connectTimeout: number): HealthCheck {
  if (!(error instanceof SyncError)) throw error
  const { message, remedy = null, code } = error
  const fact = remedy ? message.slice(0, -remedy.length).trim() : message
  return {
    ...{ name, outcome: 'critical', value: null, unit: 'milliseconds', limit: null },
    criticalLimit: connectTimeout,
    message: `${fact} (${code})`,
    remedy,
  }
}
