import { readFile } from 'node:fs/promises'

import { SyncError } from '../../lib/domain/errors.js'

/** The system account that the server runs under, where it is not the one of this process. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** postgres has just the rights that fit; nobody exists on every Linux and macOS. */
const candidates = ['postgres', 'nobody']

/**
 * The account to run PostgreSQL under: undefined for this process's own, else, as root, which PostgreSQL refuses, one without rights.
 * It must stand in the password file, because initdb looks its name up. Throws DEMO_SERVER_FAILED when there is none.
 */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map(parseAccount)
  for (const candidate of candidates) {
    const account = accounts.find(({ name, uid }) => name === candidate && uid > 0)
    if (account) return account
  }
  throw new SyncError(
    'DEMO_SERVER_FAILED',
    `PostgreSQL refuses to run as root, and /etc/passwd has no account ${candidates.join(' or ')} to run it under.`,
    { remedy: 'Run as a plain user.' },
  )
}

/** macOS writes the id of nobody as -2, which the system calls take as an unsigned number. */
function parseAccount(line: string): Account {
  const [name = '', , uid, gid] = line.split(':')
  return { name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }
}
