import { checkSchemaName } from '../domain/schema-name.js'
import { defaults } from '../options.js'
import { openSession, type DatabaseHandle } from '../postgres/driver/connect.js'
import type { Session } from '../postgres/driver/session.js'
import { withSnapshot } from '../postgres/driver/transaction.js'

/** A database, and the schema of our tables in it. */
interface Where {
  readonly target: DatabaseHandle
  readonly schema?: string | undefined
}

/** What `read` returns, over a new connection and in one transaction that cannot write. `purpose` names the connection in `pg_stat_activity`. */
export async function readTarget<T>(
  { target, schema }: Where,
  purpose: string,
  read: (session: Session) => Promise<T>,
): Promise<T> {
  checkSchemaName(schema)
  const { connectTimeout } = defaults
  const applicationName = `chatwoot-sync ${purpose}`
  await using session = await openSession('target', target, { applicationName, connectTimeout, schema })
  return await withSnapshot(session, timeouts, read)
}

/** Somebody waits for the answer. */
const timeouts = { statementTimeout: 60_000, lockTimeout: 60_000 }
