/** What a server says that no trustworthy one does, or that the driver cannot take. */
export type WireFault =
  /** It asks for an authentication that the driver does not know. */
  | 'unknown-authentication'
  /** It asks for the password itself, over a connection that others can read. */
  | 'cleartext-password'
  /** It accepted the login without showing that it knows the password. */
  | 'no-proof'
  /** It is not the protocol of PostgreSQL. */
  | 'malformed'
  /** More rows in one answer than memory holds. */
  | 'too-large'
  /** The driver failed at it; the cause says how. */
  | 'unreadable'

/** Why a connection was ended from this side. Which side it is, and what to do, is said where it is reported. */
export class WireError extends Error {
  override readonly name = 'WireError'
  readonly fault: WireFault

  constructor(fault: WireFault, message: string, cause?: unknown) {
    super(message, { cause })
    this.fault = fault
  }
}

/** Of what the driver or Node failed at. */
export function unreadable(cause: unknown): WireError {
  const isTooLong = Reflect.get(Object(cause), 'code') === 'ERR_STRING_TOO_LONG'
  const what = isTooLong ? 'a value is longer than 512 MB, the longest string of Node' : 'the driver failed'
  return new WireError('unreadable', what, cause)
}
