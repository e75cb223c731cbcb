import { createPrivateKey } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as tls from 'node:tls'

import type pg from 'pg'

import { SyncError } from '../../domain/errors.js'
import { quoted } from '../driver/search-path.js'
import { startupOption } from './startup-options.js'

/** What a connected client of pg holds about its connection, however it was configured; its types leave out half of it. */
interface Connection {
  readonly host: string
  readonly port: number
  readonly user?: string | undefined
  readonly database?: string | undefined
  /** A text once the server has asked for it, even where a function was configured. */
  readonly password?: unknown
  readonly ssl: boolean | tls.ConnectionOptions
  readonly sslNegotiation?: string
  readonly connectionParameters?: { readonly options?: string | undefined }
}

export interface MigrationUrlOptions {
  readonly applicationName: string
  /** For certificates; it must be private. */
  readonly folder: string
  /** What to start the session with, beside the options of the connection. (Default: nothing.) */
  readonly options?: string
  /** The only schema on the path of the session. (Default: the path of the role.) */
  readonly schema?: string | undefined
}

/**
 * The URL with which dbmate connects to the database to which `client` is connected, as the same user and with the same options; what pg
 * verifies of a certificate, dbmate verifies too. Certificates are written into `folder`, which must be private.
 *
 * The host is in the query, because dbmate loses the brackets of an IPv6 address in the usual place.
 * Throws CONFIG_INVALID for TLS options that dbmate does not support.
 */
export async function migrationUrl(
  client: pg.Client,
  { applicationName, folder, options = '', schema }: MigrationUrlOptions,
): Promise<string> {
  const connection = client as unknown as Connection
  const user = encodeURIComponent(connection.user ?? '')
  const password =
    typeof connection.password === 'string' ? `:${encodeURIComponent(connection.password)}` : ''
  // The last one of a setting counts: what the caller has chosen on purpose, such as a search_path, stays, but for the schema.
  const path = schema === undefined ? '' : `-c ${startupOption('search_path', quoted(schema))}`
  const allOptions = [options, connection.connectionParameters?.options ?? '', path].join(' ').trim()
  const query = new URLSearchParams({
    host: connection.host,
    port: String(connection.port),
    application_name: applicationName,
    connect_timeout: '30',
    ...(allOptions && { options: allOptions }),
    ...(connection.ssl && connection.sslNegotiation === 'direct' && { sslnegotiation: 'direct' }),
    ...(await tlsParameters(connection.ssl, folder)),
  })
  return `postgres://${user}${password}@/${encodeURIComponent(connection.database ?? '')}?${query.toString()}`
}

async function tlsParameters(ssl: Connection['ssl'], folder: string): Promise<Record<string, string>> {
  if (ssl === false) return { sslmode: 'disable' }
  const options = ssl === true ? {} : ssl
  if (options.pfx || options.secureContext) {
    throw new SyncError('CONFIG_INVALID', 'Migrating cannot use ssl.pfx or ssl.secureContext.', {
      remedy: 'Use ssl.cert and ssl.key in PEM format instead.',
    })
  }
  const files = {
    ...(options.rejectUnauthorized !== false && { sslrootcert: options.ca ?? trustedByNode() }),
    ...(options.cert && { sslcert: options.cert }),
    ...(options.key && { sslkey: privateKey(options.key, options.passphrase) }),
  }
  const written = Object.entries(files).map(async ([parameter, content]) => {
    const file = join(folder, `${parameter}.pem`)
    await writeFile(file, pem(content), { mode: 0o600 })
    return [parameter, file] as const
  })
  return { sslmode: sslMode(options), ...Object.fromEntries(await Promise.all(written)) }
}

function sslMode({ rejectUnauthorized, checkServerIdentity }: tls.ConnectionOptions): string {
  if (rejectUnauthorized === false) return 'require'
  // A custom check cannot be passed on; the chain of trust is verified all the same.
  return checkServerIdentity ? 'verify-ca' : 'verify-full'
}

/** With NODE_EXTRA_CA_CERTS and the system's store where this release of Node can list them. */
function trustedByNode(): readonly string[] {
  const ask: ((type: 'default') => string[]) | undefined = Reflect.get(tls, 'getCACertificates')
  return ask ? ask('default') : tls.rootCertificates
}

type Pem = string | Buffer | readonly (string | Buffer)[]

function pem(content: Pem): string {
  const parts = typeof content === 'string' || Buffer.isBuffer(content) ? [content] : content
  return parts.map((part) => part.toString('utf8')).join('\n')
}

/** Without its passphrase, which dbmate cannot ask for; the file is private and short-lived. */
function privateKey(key: NonNullable<tls.ConnectionOptions['key']>, passphrase: string | undefined): string {
  const first = Array.isArray(key) ? key[0] : key
  const locked = typeof first === 'object' && 'pem' in first ? first : { pem: first ?? '', passphrase }
  const unlocked = createPrivateKey({ key: locked.pem, passphrase: locked.passphrase ?? passphrase ?? '' })
  return unlocked.export({ type: 'pkcs8', format: 'pem' }).toString()
}
