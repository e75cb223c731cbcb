import { createHash, createHmac, hkdfSync } from 'node:crypto'

/** What represents the secret of hashed columns wherever it has to be sent: the secret cannot be derived from it. */
export interface HashKey {
  /** The key of HMAC-SHA256 as its two blocks, in hex: the source computes with these and never sees the secret. */
  readonly inner: string
  readonly outer: string
  /** Distinguishes one key from another. */
  readonly digest: string
}

/** Bytes that SHA-256 takes at a time, to which HMAC fills up its key. */
const blockSize = 64

export function hashKeyOf(secret: string): HashKey {
  const key = keyOf(secret)
  const block = (pad: number) =>
    Buffer.from(Array.from({ length: blockSize }, (_, at) => (key[at] ?? 0) ^ pad)).toString('hex')
  const digest = createHash('sha256').update('digest of the key').update(key).digest('hex').slice(0, 16)
  return { inner: block(0x36), outer: block(0x5c), digest }
}

/**
 * What a hashed column holds in place of a text: 64 hex digits, the same in every run with the same secret. It lets a caller who knows
 * the secret find the row of a given e-mail or phone. Texts are hashed byte for byte: another case or a space leads to another hash.
 *
 * @example db.selectFrom('conversas_analytics').where('contact_email', '=', hashColumnValue(email, secret))
 */
export function hashColumnValue(text: string, secret: string): string {
  return createHmac('sha256', keyOf(secret)).update(text, 'utf8').digest('hex')
}

function keyOf(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'chatwoot-sync hashed columns', 32))
}
