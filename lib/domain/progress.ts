/** What the caller of `syncConversations` sees while it runs. */
export interface Progress {
  readonly phase: 'probe' | 'feeds' | 'load' | 'deletes'
  readonly rowsExtracted: number
  /** Rows that the run expects to read: exact for an incremental run, an estimate of the planner for a full one; null if unknown. */
  readonly rowsExpected: number | null
}
