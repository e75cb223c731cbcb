import { sql, type RawBuilder } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Session } from './session.js'

/**
 * Whether a connection string says by `pooler=session` that it leads to a pooler which gives each client a server connection of its own. Nothing
 * that a pooler lets through tells in which mode it works.
 */
export function isSessionPooler(connectionString: string | undefined): boolean {
  if (connectionString === undefined || !URL.canParse(connectionString)) return false
  return new URL(connectionString).searchParams.get('pooler') === 'session'
}

/**
 * Whether the statement runs in the very server process that greeted the driver. A pooler greets with an id of its own, and may run each
 * transaction in another process: what belongs to a session, such as a lock, would stay behind there. True where the driver tells no id.
 */
export function isDirect({ process }: Pick<Session, 'process'>): RawBuilder<boolean> {
  return process === undefined ? sql`true` : sql`(pg_backend_pid() = ${process}::integer)`
}

/** The target has to be reached in another way. */
export function targetPooled(cause?: unknown): SyncError {
  return new SyncError(
    'TARGET_POOLED',
    'A pooler stands before the target, and may take the connection that holds the lock for somebody else.',
    {
      remedy:
        "Give the server's own address; where the pooler is in session mode, add pooler=session to the connection string.",
      cause,
    },
  )
}
