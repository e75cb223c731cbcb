import { SyncError } from '../../domain/errors.js'
import { openSession, type DatabaseHandle } from '../../postgres/driver/connect.js'
import type { Session, Side } from '../../postgres/driver/session.js'
import type { HealthCheck, Language } from './health-check.js'

/** A connection if there could be one, and what is to be said of it. */
export interface Reached {
  readonly session: Session | undefined
  readonly check: HealthCheck
}

export interface ReachOptions {
  /** Milliseconds. */
  readonly connectTimeout: number
  readonly language: Language
}

/** Connects, which is the check. What the server says against it is found, not thrown. */
export async function reach(side: Side, handle: DatabaseHandle, options: ReachOptions): Promise<Reached> {
  const { connectTimeout, language } = options
  const base = { name: side, unit: 'milliseconds', limit: null, criticalLimit: connectTimeout }
  const began = performance.now()
  try {
    const session = await openSession(side, handle, {
      applicationName: 'chatwoot-sync health',
      connectTimeout,
    })
    const value = Math.round(performance.now() - began)
    const message = reachedText(side, value, language)
    return { session, check: { ...base, outcome: 'ok', value, message, remedy: null } }
  } catch (error) {
    return { session: undefined, check: refused(side, error, options) }
  }
}

/** The check that stands for an error that this package throws on purpose. */
export function refused(side: Side, error: unknown, { connectTimeout, language }: ReachOptions): HealthCheck {
  if (!(error instanceof SyncError)) throw error
  return {
    ...{ name: side, outcome: 'critical', value: null, unit: 'milliseconds', limit: null },
    criticalLimit: connectTimeout,
    ...refusalText(side, error, language),
  }
}

/** Why a server cannot be used, and what to do. Errors speak English; in Portuguese their code stands for what they say. */
export function refusalText(side: Side, { message, remedy, code }: SyncError, language: Language) {
  if (language === 'en') {
    const fact = remedy ? message.slice(0, -remedy.length).trim() : message
    return { message: `${fact} (${code})`, remedy: remedy ?? null }
  }
  const command = code === 'TARGET_NOT_MIGRATED' ? 'migrate' : 'doctor'
  return {
    message: `Não é possível usar ${side === 'source' ? 'a origem' : 'o destino'} (${code}).`,
    remedy: `Execute chatwoot-sync ${command}.`,
  }
}

function reachedText(side: Side, milliseconds: number, language: Language): string {
  if (language === 'en') return `The ${side} can be reached, in ${milliseconds} ms.`
  return `${side === 'source' ? 'A origem' : 'O destino'} responde, em ${milliseconds} ms.`
}
