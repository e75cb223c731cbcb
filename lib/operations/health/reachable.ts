import { SyncError } from '../../domain/errors.js'
import { commandIn } from '../../domain/migrate-command.js'
import { openSession, type DatabaseHandle } from '../../postgres/driver/connect.js'
import type { Session, Side } from '../../postgres/driver/session.js'
import type { HealthCheck, Language } from './health-check.js'

/** The check of a connection, with its session where there is one. */
export interface Connection {
  readonly session: Session | undefined
  readonly check: HealthCheck
}

export interface ConnectSettings {
  /** Milliseconds. */
  readonly connectTimeout: number
  readonly language: Language
  /** The schema of our tables, where the options name it. */
  readonly schema?: string | undefined
}

/** Connects; a failure that this package throws on purpose is a check. */
export async function connect(
  side: Side,
  handle: DatabaseHandle,
  settings: ConnectSettings,
): Promise<Connection> {
  const { connectTimeout, language, schema } = settings
  const base = { name: side, unit: 'milliseconds', limit: null, criticalLimit: connectTimeout }
  const began = performance.now()
  try {
    const session = await openSession(side, handle, {
      applicationName: 'chatwoot-sync health',
      connectTimeout,
      schema,
    })
    const value = Math.round(performance.now() - began)
    const message = connectedText(side, value, language)
    return { session, check: { ...base, outcome: 'ok', value, message, remedy: null } }
  } catch (error) {
    return { session: undefined, check: failed(side, error, settings) }
  }
}

/** An error as a critical check. Only errors that this package throws on purpose become one; any other is thrown again. */
export function failed(side: Side, error: unknown, settings: ConnectSettings): HealthCheck {
  if (!(error instanceof SyncError)) throw error
  return {
    ...{ name: side, outcome: 'critical', value: null, unit: 'milliseconds', limit: null },
    criticalLimit: settings.connectTimeout,
    ...errorText(side, error, settings),
  }
}

/** Why a server cannot be used, and what to do. The messages of errors are English; in Portuguese only the code is shown. */
export function errorText(
  side: Side,
  { message, remedy, code }: SyncError,
  { language, schema }: Pick<ConnectSettings, 'language' | 'schema'>,
) {
  if (language === 'en') {
    const fact = remedy ? message.slice(0, -remedy.length).trim() : message
    return { message: `${fact} (${code})`, remedy: remedy ?? null }
  }
  const command = code === 'TARGET_NOT_MIGRATED' ? 'migrate' : 'doctor'
  return {
    message: `Não é possível usar ${side === 'source' ? 'a origem' : 'o destino'} (${code}).`,
    remedy: `Execute ${commandIn(schema, command)}.`,
  }
}

function connectedText(side: Side, milliseconds: number, language: Language): string {
  if (language === 'en') return `The ${side} responds, in ${milliseconds} ms.`
  return `${side === 'source' ? 'A origem' : 'O destino'} responde, em ${milliseconds} ms.`
}
