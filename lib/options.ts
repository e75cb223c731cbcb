import type { CustomRelation } from './domain/custom-relation.js'
import type { Logger } from './domain/logger.js'
import type { Progress, Retry } from './domain/progress.js'
import type { LoadType, SyncReport, TriggeredBy } from './domain/report.js'
import type { ColumnRules } from './chatwoot/column-rules.js'
import type { ConversationRow } from './chatwoot/row.js'
import type { DatabaseHandle } from './postgres/driver/connect.js'

/** Options of `syncConversations`. Only `source` and `target` are required; every default is a good choice for a Chatwoot of any size. */
export interface SyncOptions {
  /** The Chatwoot database; SELECT rights are enough. */
  readonly source: DatabaseHandle
  /** The database that `migrate` has prepared. */
  readonly target: DatabaseHandle
  /**
   * The schema of the target that holds all that `migrate` creates, by its name as it is, without quotes; several in one database are
   * independent of each other. `table` is looked up there as well, unless it names a schema. (Default: public, or where the search path of
   * the role finds the tables.)
   */
  readonly schema?: string | undefined
  /** A custom table or view to read instead of Chatwoot's own tables. (Default: the built-in query over Chatwoot's tables.) */
  readonly relation?: CustomRelation | undefined
  /** Table of the target, as SQL writes it. (Default: conversas_analytics.) */
  readonly table?: string | undefined
  /** The name under which `etl_control` keeps the state; use another name for another relation, filter or table. (Default: conversations.) */
  readonly pipeline?: string | undefined
  /** (Default: incremental; the first run, and one whose state is not valid, is a full load anyway, and the report says why.) */
  readonly loadType?: LoadType | undefined
  /** Recorded in `etl_control`. (Default: manual.) */
  readonly triggeredBy?: TriggeredBy | undefined
  /** Only conversations of these accounts, by `account_id`. (Default: all.) */
  readonly accounts?: readonly number[] | undefined
  /** Only conversations of these inboxes, by `inbox_id`. (Default: all.) */
  readonly inboxes?: readonly number[] | undefined
  /** Columns whose content is excluded, hashed, masked or reduced to named keys; the key, the change column, filter columns and contact_id cannot be. (Default: none.) */
  readonly columns?: ColumnRules | undefined
  /** Key of `columns.hash`, 16 characters at least; another key causes a full load. (Default: none.) */
  readonly hashSecret?: string | undefined
  /** Whether the texts of messages and survey answers are loaded; counts, times and senders are loaded in any case. (Default: true.) */
  readonly messageTexts?: boolean | undefined
  /**
   * Allows a run to load columns with less protection than the last one, which replaces what was excluded, hashed, masked or reduced. (Default: false:
   * such a run fails with PROTECTION_WEAKENED, as a flag that was forgotten must not show everything.)
   */
  readonly reveal?: boolean | undefined
  /** Time zone of the calendar columns, for every conversation. (Default: that in which the account reports, else that of the inbox, where both servers know it, else UTC.) */
  readonly timeZone?: string | undefined
  /**
   * Address at which people open Chatwoot, such as https://chat.example.com, from which `conversation_url` is made. (Default: none; the column
   * is NULL, as the database does not know it.)
   */
  readonly chatwootUrl?: string | undefined
  /**
   * How a run without a `transform` reads rows: `copy` is faster, `cursor` works where COPY is not allowed.
   * (Default: copy, where both handles and all columns support it; every other read uses a cursor.)
   */
  readonly extractor?: 'copy' | 'cursor' | undefined
  /** Rows of a batch at most; large rows make it smaller, see `batchBytes`. (Default: 5000, beyond which nothing gets faster.) */
  readonly batchSize?: number | undefined
  /** Bytes of a batch, roughly. (Default: 4 MiB; two batches are in memory at a time, of each connection.) */
  readonly batchBytes?: number | undefined
  /**
   * Connections to each side over which a first or full load goes at once, each with ranges of the key of its own, all under one snapshot. Of
   * use where one connection is slow, as over a long distance. (Default: 1, which spares both servers; an incremental run needs no more.)
   */
  readonly parallel?: number | undefined
  /**
   * Milliseconds by which a change timestamp may be earlier than the start of its transaction: the clock skew between the application's hosts
   * and the database, and the time spent waiting for a connection. Too little loses rows, too much reads some twice. (Default: 60 000,
   * which covers waits for a connection of a pool.)
   */
  readonly skewAllowance?: number | undefined
  /**
   * Milliseconds after its creation in which every run checks whether a message was edited, deleted or delivered; no index leads to such
   * changes. Later ones are found by `editScanEvery`. (Default: 259 200 000, three days, in which nearly all of them happen.)
   */
  readonly editWindow?: number | undefined
  /**
   * Milliseconds after which a run scans all messages for edits, where there are too many of them to do so in each run.
   * (Default: 72 000 000, 20 hours, so that a nightly run does it each time and one every five minutes once a day.)
   */
  readonly editScanEvery?: number | undefined
  /**
   * Share of the source's time, 0 to 1, that scans for changes may take which no index shows, such as contacts that were renamed; runs that
   * leave them out read all else, and `watermarkEnd` stays. What a scan takes is measured, or is the time that a volume with 2,000 reads a
   * second needs for its pages where that is longer; scans of less than 20 ms, or of tables of less than 8 MB, are part of each run, unless it
   * is 0. (Default: 0.002, three minutes a day. Before `migrate` has added the second watermark, every run scans.)
   */
  readonly scanShare?: number | undefined
  /** Milliseconds after which a run scans in any case, whatever `scanShare` says. (Default: 21 600 000, six hours.) */
  readonly scanEvery?: number | undefined
  /**
   * Whether the run scans in any case; with true also all messages for edits. (Default: what `triggeredBy` says: a manual run scans, as
   * somebody wants to see all that changed; those of the scheduler and of the API keep to `scanShare`.)
   */
  readonly complete?: boolean | undefined
  /** Rows read from the source in a second at most; reading pauses between batches. (Default: no limit.) */
  readonly maxRowsPerSecond?: number | undefined
  /**
   * Seconds for which a run reads under one snapshot of the source; after that it continues under a new one after the last key, and loses
   * nothing, as what changes meanwhile is left to the next run. (Default: 300, as vacuum removes nothing that an open snapshot could see,
   * and a migration of Chatwoot waits for the tables that are read.)
   */
  readonly maxSnapshotSeconds?: number | undefined
  /**
   * Milliseconds that one statement may take; 0 for no limit. A server that has not responded `connectTimeout` later counts as unreachable.
   * (Default: 600 000; a full load is many statements.)
   */
  readonly statementTimeout?: number | undefined
  /**
   * Milliseconds that a statement waits for a lock of another session; 0 for no limit. (Default: 60 000: a migration of Chatwoot usually
   * holds its locks for seconds, and the next run reads what a run that timed out did not.)
   */
  readonly lockTimeout?: number | undefined
  /** Milliseconds until a server that does not respond counts as unreachable. (Default: 10 000.) */
  readonly connectTimeout?: number | undefined
  /**
   * Milliseconds for which runs, comparisons and closed alerts are kept in the target; 0 keeps them for ever. What the next run, health and
   * the views need is kept whatever its age. (Default: 34 560 000 000, 400 days, so that a month can be compared with that of the year
   * before.)
   */
  readonly keepHistory?: number | undefined
  /**
   * Milliseconds for which a run tries again when a connection breaks, a server restarts, or a conflict, a full server or a timeout ends
   * a statement; 0 to fail at once. Each committed batch starts it anew. It continues after the last committed batch, and reports the
   * warning RETRIED. With `triggeredBy` 'api' a run that has no row yet fails at once, as its caller waits for the id. (Default: 60 000, in
   * which a restart or a failover usually ends; `watch` and `schedule` try again later anyway.)
   */
  readonly retryBudget?: number | undefined
  /**
   * Rows that the target may reject before the run fails with TOO_MANY_REJECTS. Rejected rows are recorded in `etl_rejects`, and each run
   * tries them again. (Default: 100, or 1 % of the rows read where that is more: some bad rows stop nothing, a wrong column does. Rows that
   * an earlier run has rejected do not count again in an incremental one. It is checked at the end, and earlier when over 1000 rows and a
   * tenth of those read so far were rejected.)
   */
  readonly maxRejects?: number | undefined
  /**
   * Columns of a custom relation whose values are taken as the type of the target's column makes them, although it changes some: by name, or true
   * for all. (Default: none; a row with a value that would change is rejected, and the warning COLUMNS_LOSSY names the columns.)
   */
  readonly allowLossy?: boolean | readonly string[] | undefined
  /**
   * Keeps the content of rejected rows in `etl_rejects.row_data`, up to ten million characters of each; a run then uses a cursor.
   * (Default: false, as it may be personal data.)
   */
  readonly keepRejected?: boolean | undefined
  /** Share of the target's rows that one full load may soft-delete, 0 to 1. (Default: 0.2; a wiped source does not wipe the target.) */
  readonly maxDeleteShare?: number | undefined
  /** Soft-deletes what is missing even though the source is another server or was restored since the last successful run. (Default: false.) */
  readonly acceptNewSource?: boolean | undefined
  /**
   * Rows that another program deletes from the target are deleted on purpose: no warning is about them, and a table that lost them is not read
   * anew. A full load brings back what the source still has. (Default: false.)
   */
  readonly acceptTargetDeletes?: boolean | undefined
  /**
   * Changes a row before it is loaded, or leaves it out with null; what is left out counts as deleted. Times, dates, numerics and bigints
   * are strings, as a Date or a number would lose digits. JSON is parsed, `bytea` a Buffer and an array of texts an array, of any depth; a value that is returned as
   * it was is loaded as the source wrote it, one that was changed is written with the numbers that JavaScript has. A Date is written in UTC. NaN and
   * infinity become NULL in columns of numbers and times. What no column can hold, such as a Map or an instance of a class, fails with HOOK_FAILED.
   * The key must stay. (Default: none, which is faster.)
   */
  readonly transform?: ((row: ConversationRow) => ConversationRow | null) | undefined
  /** Stops between batches: the current batch is rolled back, the run is closed as failed with ABORTED. */
  readonly signal?: AbortSignal | undefined
  /**
   * Called once with the run's id, as soon as its row exists in `etl_control`, so that a caller can refer to it while it runs; an error
   * thrown here fails the run. A dry run has no row and does not call it. (Default: none.)
   */
  readonly onStart?: ((executionId: string) => void) | undefined
  /** Called before the run waits to try again; an error thrown here fails it. (Default: none; the logger and the report show it anyway.) */
  readonly onRetry?: ((retry: Retry) => void) | undefined
  /** Called after each batch; an error thrown here fails the run. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** (Default: none.) */
  readonly logger?: Logger | undefined
  /** Counts what a run would do and writes nothing. (Default: false.) */
  readonly dryRun?: boolean | undefined
}

/** The reason of each default is at the field of `SyncOptions`. */
export const defaults = {
  table: 'conversas_analytics',
  pipeline: 'conversations',
  loadType: 'incremental',
  triggeredBy: 'manual',
  messageTexts: true,
  reveal: false,
  extractor: 'copy',
  batchSize: 5000,
  batchBytes: 4 * 1024 * 1024,
  parallel: 1,
  skewAllowance: 60_000,
  editWindow: 259_200_000,
  editScanEvery: 72_000_000,
  scanShare: 0.002,
  scanEvery: 21_600_000,
  maxSnapshotSeconds: 300,
  statementTimeout: 600_000,
  lockTimeout: 60_000,
  connectTimeout: 10_000,
  keepHistory: 34_560_000_000,
  retryBudget: 60_000,
  keepRejected: false,
  maxDeleteShare: 0.2,
  acceptNewSource: false,
  acceptTargetDeletes: false,
  dryRun: false,
} as const satisfies Partial<SyncOptions>

type Defaulted = keyof typeof defaults

/** Options with every default filled in, checked, and frozen. */
export type ResolvedOptions = Readonly<
  Omit<SyncOptions, Defaulted> & { [Name in Defaulted]-?: NonNullable<SyncOptions[Name]> }
>

export type { CustomRelation, Progress, Retry, SyncReport }
