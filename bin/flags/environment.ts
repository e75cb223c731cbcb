import { statSync } from 'node:fs'

import type pg from 'pg'

import { SyncError } from '../../lib/domain/errors.js'
import { complain } from '../output/complaint.js'

export type Side = 'source' | 'target'

type Environment = Readonly<Record<string, string | undefined>>

const prefixes = { source: 'SOURCE', target: 'LOCAL' } as const

/** As `readEnvironment`; warns on stderr when others can read the passwords in the file. */
export function loadEnvironment(file: string | undefined): void {
  const settings = readEnvironment(file)
  if (settings?.isOpen) complain(`other users can read ${settings.path}. ${closeFile(settings)}`)
}

/** A file with settings. */
export interface SettingsFile {
  readonly path: string
  /** Whether users other than its owner can read it. */
  readonly isOpen: boolean
}

/**
 * Adds what stands in the env file to the environment, where variables that are set already win. Without a name it is `.env` of the
 * working directory, which may be absent; then there is none to tell of. Throws CONFIG_MISSING for a named file that cannot be read.
 */
export function readEnvironment(file: string | undefined): SettingsFile | undefined {
  const path = file ?? '.env'
  try {
    process.loadEnvFile(path)
  } catch (cause) {
    if (file === undefined && cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return
    throw new SyncError('CONFIG_MISSING', `The file ${path} with the settings cannot be read.`, {
      remedy: 'Correct the name or the rights on it.',
      cause,
    })
  }
  // Windows has no such rights.
  return { path, isOpen: process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0 }
}

/** What to do about a file that others can read. */
export function closeFile({ path }: SettingsFile): string {
  const isPlain = /^[\w./][\w./-]*$/.test(path)
  return `Run: chmod 600 ${isPlain ? path : `-- '${path.replaceAll("'", "'\\''")}'`}`
}

/**
 * How to connect to the databases of these sides, by SOURCE_* for the source and LOCAL_* for the target. A whole URL wins; the port is
 * 5432 unless given; a password that is set but empty means that none is needed, or that it stands in ~/.pgpass.
 * Throws CONFIG_MISSING, which names all that is missing, and CONFIG_INVALID.
 */
export function databasesOf<Needed extends Side>(
  sides: readonly Needed[],
  environment: Environment,
): Record<Needed, pg.PoolConfig | string> {
  const missing = sides.flatMap((side) => missingOf(prefixes[side], environment))
  if (missing.length > 0) throw notSet(missing)
  const databases: Partial<Record<Side, pg.PoolConfig | string>> = {}
  for (const side of sides) databases[side] = databaseOf(prefixes[side], environment)
  return databases as Record<Needed, pg.PoolConfig | string>
}

/** Every password in the environment, to be hidden wherever it might be printed; whoever knows a webhook's URL may write there. */
export function secretsOf(environment: Environment): string[] {
  const of = (name: string) => environment[name]?.trim() ?? ''
  const databases = Object.values(prefixes).flatMap((prefix) => [
    environment[`${prefix}_DB_PASSWORD`] ?? '',
    ...passwordsIn(of(`${prefix}_DATABASE_URL`)),
  ])
  const webhooks = [of('ALERT_SLACK_WEBHOOK_URL'), of('ALERT_WEBHOOK_URL')]
  const others = [hashSecretOf(environment) ?? '']
  return [...databases, ...others, ...webhooks, ...passwordsIn(of('ALERT_SMTP_URL'))].filter(
    (secret) => secret !== '',
  )
}

/** The key of hashed columns; undefined when it is not set. */
export function hashSecretOf(environment: Environment): string | undefined {
  return environment['CHATWOOT_SYNC_HASH_SECRET']?.trim() || undefined
}

/** The password of a URL as it stands there, and as it is. */
function passwordsIn(url: string): string[] {
  const password = URL.canParse(url) ? new URL(url).password : ''
  return [password, decoded(password)]
}

function missingOf(prefix: string, environment: Environment): string[] {
  if (environment[`${prefix}_DATABASE_URL`]?.trim()) return []
  const filled = ['HOST', 'NAME', 'USER'].map((name) => `${prefix}_DB_${name}`)
  const absent = filled.filter((name) => !environment[name]?.trim())
  const password = `${prefix}_DB_PASSWORD`
  return environment[password] === undefined ? [...absent, password] : absent
}

function notSet(names: readonly string[]): SyncError {
  return new SyncError('CONFIG_MISSING', `Settings are missing: ${names.join(', ')}.`, {
    remedy: 'Copy .env.example to .env and fill it in, or set them in the environment.',
    details: { missing: names },
  })
}

function databaseOf(prefix: string, environment: Environment): pg.PoolConfig | string {
  const setting = (name: string) => environment[`${prefix}_${name}`]?.trim() ?? ''
  const url = setting('DATABASE_URL')
  if (url) return checkedUrl(`${prefix}_DATABASE_URL`, url)
  const password = environment[`${prefix}_DB_PASSWORD`]
  return {
    host: setting('DB_HOST'),
    port: portOf(`${prefix}_DB_PORT`, setting('DB_PORT')),
    database: setting('DB_NAME'),
    user: setting('DB_USER'),
    ...(password ? { password } : {}),
  }
}

/** The value stays out of the message: it holds the password. */
function checkedUrl(name: string, url: string): string {
  if (/^(postgres(ql)?:\/\/|socket:)/.test(url) && URL.canParse(url)) return url
  throw new SyncError('CONFIG_INVALID', `${name} is not the URL of a PostgreSQL database.`, {
    remedy:
      'Write it as postgresql://user:password@host:5432/database, special characters percent-encoded: @ is %40.',
  })
}

function portOf(name: string, text: string): number {
  const port = text === '' ? 5432 : Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65536) return port
  throw new SyncError('CONFIG_INVALID', `${name} is ${JSON.stringify(text)}, which is not a port.`, {
    remedy: 'Give a number from 1 to 65535, as a rule 5432.',
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
