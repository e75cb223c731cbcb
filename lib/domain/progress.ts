import type { ErrorCode } from './errors.js'

/** What the caller of `syncConversations` sees while it runs. */
export interface Progress {
  readonly phase: 'probe' | 'feeds' | 'load' | 'deletes'
  readonly rowsExtracted: number
  /** Rows that the run expects to read: exact for an incremental run, an estimate of the planner for a full one; null if unknown. */
  readonly rowsExpected: number | null
}

/** What a run reports before it tries again. */
export interface Retry {
  /** Code and message of the failure. */
  readonly code: ErrorCode
  readonly message: string
  /** Milliseconds until the next try. */
  readonly wait: number
  /** Failures since a batch was committed last, this one included. */
  readonly failures: number
}
