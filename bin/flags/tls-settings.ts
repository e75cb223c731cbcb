import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'

import { SyncError } from '../../lib/domain/errors.js'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * How a connection is encrypted, by `<prefix>_DB_SSLMODE`, `_SSLROOTCERT`, `_SSLCERT` and `_SSLKEY`; undefined when none is set. `require`
 * verifies the certificate, as it does in a URL. Throws CONFIG_INVALID and, for a mode that needs a CA, CONFIG_MISSING.
 */
export function tlsOf(prefix: string, environment: Environment): false | ConnectionOptions | undefined {
  const setting = (name: string) => environment[`${prefix}_DB_${name}`]?.trim() ?? ''
  const read = (name: string) => (setting(name) ? readPem(`${prefix}_DB_${name}`, setting(name)) : undefined)
  const mode = setting('SSLMODE').toLowerCase()
  if (mode === 'disable') return false
  const [ca, cert, key] = [read('SSLROOTCERT'), read('SSLCERT'), read('SSLKEY')]
  const given = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
  switch (mode) {
    case '':
      return Object.keys(given).length > 0 ? given : undefined
    case 'require':
    case 'verify-full':
      return given
    case 'verify-ca':
      if (!ca) throw needsAuthority(prefix)
      return { ...given, checkServerIdentity: () => undefined }
    case 'no-verify':
      return { ...given, rejectUnauthorized: false }
    default:
      throw unknownMode(`${prefix}_DB_SSLMODE`, mode)
  }
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new SyncError('CONFIG_INVALID', `${name} names the file ${path}, which cannot be read.`, {
      remedy: 'Correct it, or the rights on the file.',
      cause,
    })
  }
}

function needsAuthority(prefix: string): SyncError {
  return new SyncError('CONFIG_MISSING', `${prefix}_DB_SSLMODE is verify-ca, which needs a CA.`, {
    remedy: `Set ${prefix}_DB_SSLROOTCERT to the file with its certificate, or use verify-full.`,
  })
}

function unknownMode(name: string, mode: string): SyncError {
  const why = ['allow', 'prefer'].includes(mode) ? ', which would continue without TLS' : ''
  return new SyncError('CONFIG_INVALID', `${name} is ${JSON.stringify(mode)}${why}.`, {
    remedy: 'Use verify-full, verify-ca, no-verify (encrypted, but with anybody) or disable.',
  })
}
