import { readFile } from 'node:fs/promises'

import { SyncError } from '../../lib/domain/errors.js'

/** The system account that the server runs under, if it is not that of this process. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** postgres has just the right permissions; nobody exists on every Linux and macOS. */
const candidates = ['postgres', 'nobody']

/**
 * The account to run PostgreSQL under: undefined for that of this process; an unprivileged one if this process is root, which PostgreSQL
 * does not accept. It must be in /etc/passwd, because initdb looks up its name. Throws DEMO_SERVER_FAILED when there is none.
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
    `PostgreSQL does not run as root, and /etc/passwd has no account ${candidates.join(' or ')} to run it under.`,
    { remedy: 'Run it as an ordinary user.' },
  )
}

/** macOS writes the id of nobody as -2, which system calls treat as unsigned. */
function parseAccount(line: string): Account {
  const [name = '', , uid, gid] = line.split(':')
  return { name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }
}
