import { isPlainByChoice, type DatabaseHandle } from '../../postgres/driver/connect.js'
import type { Session } from '../../postgres/driver/session.js'
import { ok, warning, type Check } from './check.js'

/** Whether others can read what the connection carries; nothing within this machine, and for a Kysely, which does not show it. */
export function checkEncryption({ side, wire }: Session, handle: DatabaseHandle): readonly Check[] {
  const name = `${side}-encryption`
  if (wire === undefined || wire === 'local') return []
  if (wire === 'encrypted') return [ok(name, `The connection to the ${side} is encrypted.`)]
  const setting = side === 'source' ? 'SOURCE_DB' : 'LOCAL_DB'
  if (wire === 'unverified') {
    return [
      warning(
        name,
        `The connection to the ${side} is encrypted, but its certificate is not verified: another server can pass for it.`,
        `Set ${setting}_SSLMODE=verify-full, and ${setting}_SSLROOTCERT for a private CA.`,
      ),
    ]
  }
  const message = `The connection to the ${side} is not encrypted`
  if (isPlainByChoice(handle)) return [ok(name, `${message}, as its settings say.`)]
  return [
    warning(
      name,
      `${message}: whoever is on the way can read names, addresses and messages.`,
      `Set ${setting}_SSLMODE=verify-full, and ${setting}_SSLROOTCERT for a private CA; where nobody can listen in, ${setting}_SSLMODE=disable.`,
    ),
  ]
}
