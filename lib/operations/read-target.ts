import { defaults } from '../options.js'
import { openSession, type DatabaseHandle } from '../postgres/driver/connect.js'
import type { Session } from '../postgres/driver/session.js'
import { withSnapshot } from '../postgres/driver/transaction.js'

/** What `read` returns, over a new connection and in one transaction that cannot write. `purpose` names the connection in `pg_stat_activity`. */
export async function readTarget<T>(
  target: DatabaseHandle,
  purpose: string,
  read: (session: Session) => Promise<T>,
): Promise<T> {
  const { connectTimeout } = defaults
  const applicationName = `chatwoot-sync ${purpose}`
  await using session = await openSession('target', target, { applicationName, connectTimeout })
  return await withSnapshot(session, timeouts, read)
}

/** Somebody waits for the answer. */
const timeouts = { statementTimeout: 60_000, lockTimeout: 60_000 }
