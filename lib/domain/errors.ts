/**
 * Every way in which this package fails on purpose, with its cause and its remedy, and how a caller should see it: `usage` for a wrong
 * option or setting, `locked` for another run in progress, `failure` for everything else. The code is stable: it is in
 * `etl_control.error_code`, in `--json` output and in docs/errors.md.
 */
export const errorCodes = {
  /**
   * An option or an environment variable has a value that cannot work, or a bundler has separated this package from its files. Remedy: the
   * message names it and what it may be.
   */
  CONFIG_INVALID: 'usage',
  /** A setting without a default is absent. Remedy: set the variable or the option that the message names. */
  CONFIG_MISSING: 'usage',
  /** The source server did not answer. Remedy: check host, port, firewall and that PostgreSQL listens there. */
  SOURCE_UNREACHABLE: 'failure',
  /** The target server did not answer. Remedy: as for the source. */
  TARGET_UNREACHABLE: 'failure',
  /** The source rejected the user or the password, or asks for one that is not set. Remedy: check the user, the password and pg_hba.conf. */
  SOURCE_AUTH_FAILED: 'failure',
  /** The target rejected the user or the password. Remedy: as for the source. */
  TARGET_AUTH_FAILED: 'failure',
  /** The Chatwoot server speaks no TLS, or its certificate or ours is not trusted. Remedy: the message names it. */
  SOURCE_TLS_FAILED: 'failure',
  /** The local server speaks no TLS, or its certificate or ours is not trusted. Remedy: the message names it. */
  TARGET_TLS_FAILED: 'failure',
  /** The source server has no such database. Remedy: correct the name. */
  SOURCE_DATABASE_MISSING: 'failure',
  /** The target server has no such database. Remedy: create it, or correct the name. */
  TARGET_DATABASE_MISSING: 'failure',
  /** A statement on the source took longer than `statementTimeout`, also with smaller batches, or waited for a lock. Remedy: raise it, or find what blocks. */
  SOURCE_TIMED_OUT: 'failure',
  /** A statement on the target took longer than `statementTimeout`, or waited for a lock. Remedy: as for the source. */
  TARGET_TIMED_OUT: 'failure',
  /** The disk of the target is full. Remedy: make room there; what was committed stays, the next run continues. */
  TARGET_DISK_FULL: 'failure',
  /** The target takes no writes: it is a standby, or read only by a setting. Remedy: connect to the primary. */
  TARGET_READ_ONLY: 'failure',
  /**
   * The pooler before the source does not take what a run sends: a startup parameter, or a transaction where it pools by statement. Remedy:
   * take the parameter out of the connection, or let it pool by transaction or by session.
   */
  SOURCE_POOLED: 'failure',
  /**
   * A pooler before the target, which may take the connection that holds the lock for somebody else; nothing was written. Remedy: the
   * server's own address, or `pooler=session` in the connection string of one in session mode.
   */
  TARGET_POOLED: 'failure',
  /** The source role lacks SELECT on something that is read. Remedy: the grants in the README. */
  SOURCE_FORBIDDEN: 'failure',
  /** The target role lacks a right. Remedy: the grants in the README. */
  TARGET_FORBIDDEN: 'failure',
  /** The source relation does not exist. Remedy: correct `relation.name`, schema included, or connect to the Chatwoot database. */
  RELATION_MISSING: 'failure',
  /** The source relation lacks its key, its change column, or a column that Chatwoot always has. Remedy: correct the name. */
  COLUMN_MISSING: 'failure',
  /** Source and target disagree on the type of a column in a way that loses content. Remedy: change the target column. */
  COLUMN_TYPE_MISMATCH: 'failure',
  /** A column or a table changed during the run: nothing of the current batch was written. Remedy: run again. */
  SCHEMA_CHANGED: 'failure',
  /**
   * Columns would be loaded with less protection than in the last run; nothing was read. Remedy: protect them as before; `reveal` (`--reveal`)
   * for one run if it is intended.
   */
  PROTECTION_WEAKENED: 'failure',
  /** The same key came twice with different content. Remedy: a relation with one row for each key. */
  KEY_NOT_UNIQUE: 'failure',
  /** A row without a key. Remedy: filter such rows out in the relation. */
  KEY_IS_NULL: 'failure',
  /** `etl_control` or the target table does not exist. Remedy: `chatwoot-sync migrate`. */
  TARGET_NOT_MIGRATED: 'failure',
  /** The target table lacks a column that the row has, or the unique index on the key. Remedy: migrate, or add the column. */
  TARGET_COLUMN_MISSING: 'failure',
  /** Another run of this pipeline holds the lock. Remedy: wait for it, or look at `chatwoot-sync status`. */
  LOCKED: 'locked',
  /** The lock went away with its connection, or a pooler parted them, or another run took over: nothing was written after that. Remedy: run again. */
  LOCK_LOST: 'failure',
  /** The AbortSignal fired or the process was stopped: the current batch was rolled back. Remedy: run again; a full load resumes. */
  ABORTED: 'failure',
  /** Written into the control row of a run that died without closing it. Remedy: none, the next run continues. */
  INTERRUPTED: 'failure',
  /** A migration failed; nothing of it was applied. Remedy: the message carries what the database said. */
  MIGRATION_FAILED: 'failure',
  /** A full read found no row at all while the target holds some. Remedy: check the source; allow it explicitly if it is meant. */
  SOURCE_EMPTY: 'failure',
  /** More rows would be soft-deleted than `maxDeleteShare` allows. Remedy: check the source; raise the share for one run. */
  TOO_MANY_DELETES: 'failure',
  /** A full load did not see all rows, so what it did not see is not deleted. Remedy: run again. */
  READ_INCOMPLETE: 'failure',
  /**
   * The source is another server, timeline or definition than the last run read, so it is not known what was deleted; or it became another one in
   * the middle of a run. Remedy: check it, then `--accept-new-source`; in the middle of a run, run again.
   */
  SOURCE_IDENTITY_CHANGED: 'failure',
  /** The standby has not replayed far enough to be read. Remedy: wait, or read the primary. */
  STANDBY_BEHIND: 'failure',
  /** The target rejected more rows than `maxRejects` allows. Remedy: look at the rejected rows and fix the column. */
  TOO_MANY_REJECTS: 'failure',
  /** A statement on the source failed for another reason; `details.sqlState` says which. */
  SOURCE_FAILED: 'failure',
  /** A statement on the target failed for another reason; `details.sqlState` says which. */
  TARGET_FAILED: 'failure',
  /**
   * Something hangs on the table that would be lost if it were rebuilt, or rows that the new one could not hold; nothing was changed. Remedy: the
   * message lists it.
   */
  TABLE_NOT_REBUILDABLE: 'failure',
  /** A file of an export or of a lake, or a request to the bucket of a lake, failed. Remedy: the message names it. */
  STORAGE_FAILED: 'failure',
  /** A column of a lake has another type than in the table now. Remedy: `--rebuild`, which writes every month anew. */
  LAKE_TYPE_CHANGED: 'failure',
  /** Another program has changed a lake in a way that cannot be continued. Remedy: an empty place; other programs only read it. */
  LAKE_UNREADABLE: 'failure',
  /** Another writer committed this version of a lake; nothing of ours is in it. Remedy: let one program write to it, and run it again. */
  LAKE_CONFLICT: 'failure',
  /** The place of a lake holds the table of another pipeline, database or program. Remedy: another place; `--since-scratch` takes over one of ours. */
  LAKE_TAKEN: 'failure',
  /** A caller's hook (`transform`, `onProgress`) threw. Remedy: fix the hook; nothing of the batch was written. */
  HOOK_FAILED: 'failure',
  /** The embedded server of the demo did not start. Remedy: the message carries its last log lines. */
  DEMO_SERVER_FAILED: 'failure',
  /** A bug of this package. Remedy: please report it with the message. */
  INTERNAL: 'failure',
} as const satisfies Record<string, 'usage' | 'failure' | 'locked'>

export type ErrorCode = keyof typeof errorCodes

/** Facts of an error that are safe to log and to store: never a secret, a connection string or personal data. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/**
 * The one error class. `message` says what happened, with the values, and ends with what to do next (`remedy`).
 * `cause` keeps the driver's error for a debugger; it is never logged or stored.
 */
export class SyncError extends Error {
  override readonly name = 'SyncError'
  readonly code: ErrorCode
  readonly remedy: string | undefined
  readonly details: ErrorDetails

  constructor(
    code: ErrorCode,
    message: string,
    facts: { remedy?: string; details?: ErrorDetails; cause?: unknown } = {},
  ) {
    super(facts.remedy ? `${message} ${facts.remedy}` : message, { cause: facts.cause })
    this.code = code
    this.remedy = facts.remedy
    this.details = facts.details ?? {}
  }
}

/** The error of a run whose caller's hook threw. */
export function hookFailed(hook: string, cause: unknown): SyncError {
  return new SyncError('HOOK_FAILED', `The option ${hook} threw an error, which is the cause of this one.`, {
    remedy: 'Fix it; nothing of the batch was written.',
    details: { hook },
    cause,
  })
}

/** Calls a hook of the caller, if there is one. Throws HOOK_FAILED when it throws. */
export function callHook<Given>(
  name: string,
  hook: ((given: Given) => unknown) | undefined,
  given: Given,
): void {
  try {
    hook?.(given)
  } catch (cause) {
    throw hookFailed(name, cause)
  }
}
