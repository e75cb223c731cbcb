import { SyncError } from '../../lib/domain/errors.js'
import type { ConnectionConfig } from '../../lib/index.js'
import { isConnectionString } from '../../lib/postgres/driver/connection-string.js'
import { tlsOf } from './tls-settings.js'

export type Side = 'source' | 'target'

type Environment = Readonly<Record<string, string | undefined>>

const prefixes = { source: 'SOURCE', target: 'LOCAL' } as const

/**
 * How to connect to the databases of these sides: SOURCE_* for the source, LOCAL_* for the target. A *_DATABASE_URL wins over the parts;
 * the default port is 5432; an empty password means that none is needed, or that it is in ~/.pgpass. Settings of TLS hold for both forms,
 * unless the URL has its own.
 * Throws CONFIG_MISSING, which lists everything that is missing, and CONFIG_INVALID.
 */
export function databasesOf<Needed extends Side>(
  sides: readonly Needed[],
  environment: Environment,
): Record<Needed, ConnectionConfig | string> {
  const missing = sides.flatMap((side) => missingOf(prefixes[side], environment))
  if (missing.length > 0) throw settingsMissing(missing)
  const databases: Partial<Record<Side, ConnectionConfig | string>> = {}
  for (const side of sides) databases[side] = databaseOf(prefixes[side], environment)
  return databases as Record<Needed, ConnectionConfig | string>
}

function missingOf(prefix: string, environment: Environment): string[] {
  if (environment[`${prefix}_DATABASE_URL`]?.trim()) return []
  const required = ['HOST', 'NAME', 'USER'].map((name) => `${prefix}_DB_${name}`)
  const absent = required.filter((name) => !environment[name]?.trim())
  const password = `${prefix}_DB_PASSWORD`
  return environment[password] === undefined ? [...absent, password] : absent
}

function settingsMissing(names: readonly string[]): SyncError {
  return new SyncError('CONFIG_MISSING', `Settings are missing: ${names.join(', ')}.`, {
    remedy: 'Copy .env.example to .env and fill it in, or set them in the environment.',
    details: { missing: names },
  })
}

function databaseOf(prefix: string, environment: Environment): ConnectionConfig | string {
  const setting = (name: string) => environment[`${prefix}_${name}`]?.trim() ?? ''
  const trust = trustOf(prefix, environment)
  const url = setting('DATABASE_URL')
  if (url) {
    const connectionString = checkedUrl(`${prefix}_DATABASE_URL`, url)
    return Object.keys(trust).length > 0 ? { connectionString, ...trust } : connectionString
  }
  const password = environment[`${prefix}_DB_PASSWORD`]
  return {
    host: setting('DB_HOST'),
    port: portOf(`${prefix}_DB_PORT`, setting('DB_PORT')),
    database: setting('DB_NAME'),
    user: setting('DB_USER'),
    ...(password ? { password } : {}),
    ...trust,
  }
}

/** What the server is trusted with. */
function trustOf(prefix: string, environment: Environment): ConnectionConfig {
  const ssl = tlsOf(prefix, environment)
  const name = `${prefix}_DB_CLEARTEXT_PASSWORD`
  const cleartext = environment[name]?.trim() ?? ''
  if (cleartext !== '' && cleartext !== 'allow') {
    throw new SyncError('CONFIG_INVALID', `${name} is ${JSON.stringify(cleartext)}.`, {
      remedy: 'Use allow, or leave it out.',
    })
  }
  return {
    ...(ssl === undefined ? {} : { ssl }),
    ...(cleartext === 'allow' ? { cleartextPassword: cleartext } : {}),
  }
}

/** The URL stays out of the message, because it holds the password. */
function checkedUrl(name: string, url: string): string {
  if (isConnectionString(url)) return url
  throw new SyncError('CONFIG_INVALID', `${name} is not the URL of a PostgreSQL database.`, {
    remedy:
      'Write it as postgresql://user:password@host:5432/database, with special characters percent-encoded: @ is %40.',
  })
}

function portOf(name: string, text: string): number {
  const port = text === '' ? 5432 : Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65536) return port
  throw new SyncError('CONFIG_INVALID', `${name} is ${JSON.stringify(text)}, which is not a port.`, {
    remedy: 'Use a number from 1 to 65535, usually 5432.',
  })
}
