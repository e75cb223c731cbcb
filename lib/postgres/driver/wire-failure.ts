import { SyncError, type ErrorCode } from '../../domain/errors.js'
import type { Side } from './session.js'
import type { WireError, WireFault } from './wire-error.js'

interface Failure {
  readonly code: 'AUTH_FAILED' | 'TLS_FAILED' | 'FAILED'
  /** What the server did. */
  readonly what: (said: string) => string
  readonly remedy: (side: Side) => string
}

const settingOf = (side: Side) => (side === 'source' ? 'SOURCE_DB' : 'LOCAL_DB')

const failures: Readonly<Record<WireFault, Failure>> = {
  'unknown-authentication': {
    code: 'AUTH_FAILED',
    what: (said) => `asks for an authentication that the driver does not know: ${said}`,
    remedy: () => 'Let it ask this role for scram-sha-256, or for a certificate, in pg_hba.conf.',
  },
  'cleartext-password': {
    code: 'TLS_FAILED',
    what: () =>
      'asks for the password in clear text, over a connection that others can read; it was not sent',
    remedy: (side) =>
      `Set ${settingOf(side)}_SSLMODE=verify-full, or let it ask for scram-sha-256; only where nobody can listen in, set ${settingOf(side)}_CLEARTEXT_PASSWORD=allow.`,
  },
  'no-proof': {
    code: 'AUTH_FAILED',
    what: () => 'accepted the login without showing that it knows the password',
    remedy: () => 'Make sure that it is the right server, and that nothing on the way answers in its place.',
  },
  malformed: {
    code: 'FAILED',
    what: (said) => `cannot be read: ${said}`,
    remedy: () => 'Check that host and port are those of PostgreSQL.',
  },
  'too-large': {
    code: 'FAILED',
    what: (said) => `cannot be read: ${said}`,
    remedy: () =>
      'Check that it is the right server; if it is, start Node with a larger --max-old-space-size.',
  },
  unreadable: {
    code: 'FAILED',
    what: (said) => `sent an answer that cannot be read: ${said}`,
    remedy: () => 'Exclude the column, or read it by COPY: no transform, no other extractor.',
  },
}

/** The error of a connection that was ended because of what the server sent. */
export function wireFailure(
  side: Side,
  error: WireError,
  address?: { readonly host: string; readonly port: number },
): SyncError {
  const { code, what, remedy } = failures[error.fault]
  const server = address ? `${side} server ${address.host}:${address.port}` : `${side} server`
  const full: ErrorCode = side === 'source' ? `SOURCE_${code}` : `TARGET_${code}`
  return new SyncError(full, `The ${server} ${what(error.message)}.`, {
    remedy: remedy(side),
    details: { sqlState: null, fault: error.fault },
    cause: error,
  })
}
