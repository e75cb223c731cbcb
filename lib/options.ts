import english from 'zod/v4/locales/en.js'
import * as z from 'zod/mini'

import { SyncError } from './domain/errors.js'
import type { CustomRelation } from './domain/custom-relation.js'
import { silentLogger, type Logger } from './domain/logger.js'
import type { Progress, Retry } from './domain/progress.js'
import type { LoadType, SyncReport, TriggeredBy } from './domain/report.js'
import { checkRules, type ColumnRules } from './chatwoot/column-rules.js'
import type { ConversationRow } from './chatwoot/row.js'
import type { DatabaseHandle } from './postgres/driver/connect.js'

export interface SyncOptions {
  /** The Chatwoot database; SELECT rights are enough. */
  readonly source: DatabaseHandle
  /** The database that `migrate` has prepared. */
  readonly target: DatabaseHandle
  /** (Default: the built-in query over Chatwoot's tables.) */
  readonly relation?: CustomRelation | undefined
  /** Table of the target, as SQL writes it. (Default: conversas_analytics.) */
  readonly table?: string | undefined
  /** The name under which `etl_control` keeps the state; another relation, filter or table deserves another name. (Default: conversations.) */
  readonly pipeline?: string | undefined
  /** (Default: incremental; the first run, and one whose state does not fit, reads everything anyway and says so.) */
  readonly loadType?: LoadType | undefined
  /** (Default: manual.) */
  readonly triggeredBy?: TriggeredBy | undefined
  /** Only conversations of these accounts, by `account_id`. (Default: all.) */
  readonly accounts?: readonly number[] | undefined
  /** Only conversations of these inboxes, by `inbox_id`. (Default: all.) */
  readonly inboxes?: readonly number[] | undefined
  /** Columns whose content is left out, hashed or masked; key, change column, filter columns and contact_id cannot be. (Default: none.) */
  readonly columns?: ColumnRules | undefined
  /** Key of `columns.hash`, 16 characters at least; with another one everything is read anew. (Default: none.) */
  readonly hashSecret?: string | undefined
  /** Whether the texts of messages and survey answers are loaded, with all that is known about them besides. (Default: true.) */
  readonly messageTexts?: boolean | undefined
  /** Time zone of the calendar columns, for every conversation. (Default: the one of the inbox, where both servers know it, else UTC.) */
  readonly timeZone?: string | undefined
  /**
   * How a full read without a `transform` fetches rows: `copy` is faster, `cursor` works where COPY is not allowed.
   * (Default: copy, where both handles and all columns can; every other read goes through a cursor.)
   */
  readonly extractor?: 'copy' | 'cursor' | undefined
  /** Rows of one batch at most; large rows make it smaller, see `batchBytes`. (Default: 5000, beyond which nothing gets faster.) */
  readonly batchSize?: number | undefined
  /** Bytes of one batch, roughly. (Default: 4 MiB; two batches are in memory at a time.) */
  readonly batchBytes?: number | undefined
  /**
   * Milliseconds by which a change stamp may lie before the begin of its transaction: clock error between the application's hosts and
   * the database, and waiting for a connection. Too little loses rows, too much reads some twice. (Default: 60 000, for pool waits.)
   */
  readonly skewAllowance?: number | undefined
  /**
   * Milliseconds after its creation in which every run looks whether a message was edited, deleted or delivered; no index leads to such
   * changes. Later ones are found by `editScanEvery`. (Default: 259 200 000, three days, in which nearly all of them happen.)
   */
  readonly editWindow?: number | undefined
  /**
   * Milliseconds after which a run looks at all messages for edits, where there are too many of them to do so in each run.
   * (Default: 72 000 000, twenty hours, so that a daily run always does.)
   */
  readonly editScanEvery?: number | undefined
  /** Rows that a run reads from the source in a second at most; reading pauses between batches. (Default: no limit.) */
  readonly maxRowsPerSecond?: number | undefined
  /**
   * Seconds for which a run reads under one snapshot of the source; beyond, it goes on under a new one behind the last key, and loses
   * nothing, as what changes meanwhile is left to the next run. (Default: 300, as vacuum removes nothing that an open snapshot could see,
   * and a migration of Chatwoot waits for the tables that are read.)
   */
  readonly maxSnapshotSeconds?: number | undefined
  /**
   * Milliseconds that one statement may take; 0 for no limit. A server that has not answered `connectTimeout` later counts as unreachable.
   * (Default: 600 000; a full read is many statements.)
   */
  readonly statementTimeout?: number | undefined
  /**
   * Milliseconds that a statement waits for a lock of somebody else; 0 for no limit. (Default: 60 000: a migration of Chatwoot holds its
   * locks for seconds as a rule, and a run that gives up is made up for by the next one.)
   */
  readonly lockTimeout?: number | undefined
  /** Milliseconds until a server that does not answer counts as unreachable. (Default: 10 000.) */
  readonly connectTimeout?: number | undefined
  /**
   * Milliseconds for which runs, comparisons and closed alerts stay in the target; 0 for ever. What the next run, health and the views need
   * stays whatever its age. (Default: 34 560 000 000, 400 days, so that a month can be compared with that of the year before.)
   */
  readonly keepHistory?: number | undefined
  /**
   * Milliseconds for which a run tries again when a connection breaks, a server restarts, or a conflict, a full server or a timeout ends
   * a statement; 0 to fail at once. Each committed batch starts it anew. It goes on from the last committed batch, and says so by the
   * warning RETRIED. With `triggeredBy` 'api' a run that has no row yet fails at once, as its caller waits for the id. (Default: 60 000, in
   * which a restart or a failover is over as a rule; `watch` and `schedule` try again later anyway.)
   */
  readonly retryBudget?: number | undefined
  /**
   * Rows that the target may refuse before the run fails with TOO_MANY_REJECTS. What it refuses goes to `etl_rejects`, and each run tries it
   * again. (Default: 100, or 1 % of the rows read where that is more: some bad rows stop nothing, a column gone wrong does. Rows that an
   * earlier run had left out already do not count again in an incremental one. It is judged at the end, and earlier when over 1000 rows and
   * a tenth of those read so far were refused.)
   */
  readonly maxRejects?: number | undefined
  /**
   * Keeps the content of refused rows in `etl_rejects.row_data`, up to ten million characters of each; a full read then goes through a
   * cursor. (Default: false, as it may be personal data.)
   */
  readonly keepRejected?: boolean | undefined
  /** Share of the target's rows that one full run may mark deleted, 0 to 1. (Default: 0.2; a wiped source does not wipe the target.) */
  readonly maxDeleteShare?: number | undefined
  /** Marks what is gone even though the source is another server or was restored since the last good run. (Default: false.) */
  readonly acceptNewSource?: boolean | undefined
  /**
   * Changes a row before it is loaded, or leaves it out with null; what is left out counts as gone. Times, dates, numerics and bigints
   * are texts, as a Date or a number would lose digits. JSON comes parsed; a value that comes back as it was is loaded as the source wrote it,
   * one that was changed is written anew with the numbers that JavaScript has. The key must stay. (Default: none, which is faster.)
   */
  readonly transform?: ((row: ConversationRow) => ConversationRow | null) | undefined
  /** Stops between batches: the batch in work is rolled back, the run is closed as failed with ABORTED. */
  readonly signal?: AbortSignal | undefined
  /**
   * Called once with the run's id, as soon as its row stands in `etl_control`, so that a caller can point to it while it runs; an error
   * thrown here fails the run. A dry run has no row and does not call it. (Default: none.)
   */
  readonly onStart?: ((executionId: string) => void) | undefined
  /** Called before the run waits to try again; an error thrown here fails it. (Default: none; the logger and the report tell of it anyway.) */
  readonly onRetry?: ((retry: Retry) => void) | undefined
  /** Called after each batch; an error thrown here fails the run. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** (Default: none.) */
  readonly logger?: Logger | undefined
  /** Counts what a run would do and writes nothing. (Default: false.) */
  readonly dryRun?: boolean | undefined
}

/** Each default with its reason is told at the field of `SyncOptions`. */
export const defaults = {
  table: 'conversas_analytics',
  pipeline: 'conversations',
  loadType: 'incremental',
  triggeredBy: 'manual',
  messageTexts: true,
  extractor: 'copy',
  batchSize: 5000,
  batchBytes: 4 * 1024 * 1024,
  skewAllowance: 60_000,
  editWindow: 259_200_000,
  editScanEvery: 72_000_000,
  maxSnapshotSeconds: 300,
  statementTimeout: 600_000,
  lockTimeout: 60_000,
  connectTimeout: 10_000,
  keepHistory: 34_560_000_000,
  retryBudget: 60_000,
  keepRejected: false,
  maxDeleteShare: 0.2,
  acceptNewSource: false,
  dryRun: false,
} as const satisfies Partial<SyncOptions>

type Defaulted = keyof typeof defaults | 'logger'

/** Options with every default filled in, checked, and frozen. */
export type ResolvedOptions = Readonly<
  Omit<SyncOptions, Defaulted> & { [Name in Defaulted]-?: NonNullable<SyncOptions[Name]> }
>

// The small build of zod comes without words; the large one would take longer to load than a run without changes.
z.config(english())

const atLeast = (minimum: number) => z.number().check(z.gte(minimum))
const whole = (minimum: number, maximum: number) => z.int().check(z.gte(minimum), z.lte(maximum))
const milliseconds = z.number().check(z.gte(0), z.lte(2 ** 31 - 1))
const ids = z.array(whole(1, Number.MAX_SAFE_INTEGER)).check(z.minLength(1))
const name = z.string().check(z.trim(), z.minLength(1))
/** As it is: spaces at its ends are part of it. */
const column = z.string().check(z.regex(/\S/))
const columns = z.optional(z.array(column))
const handle = z.union([z.string().check(z.minLength(1)), z.looseObject({})])
const hook = z.optional(z.custom((value) => typeof value === 'function', 'must be a function'))

const schema = z.strictObject({
  source: handle,
  target: handle,
  relation: z.optional(z.strictObject({ name, key: column, changedAt: column })),
  table: z._default(name, defaults.table),
  pipeline: z._default(name, defaults.pipeline),
  loadType: z._default(z.enum(['incremental', 'full']), defaults.loadType),
  triggeredBy: z._default(z.enum(['manual', 'scheduler', 'api']), defaults.triggeredBy),
  accounts: z.optional(ids),
  inboxes: z.optional(ids),
  columns: z.optional(z.strictObject({ exclude: columns, hash: columns, mask: columns })),
  hashSecret: z.optional(z.string().check(z.minLength(16))),
  messageTexts: z._default(z.boolean(), defaults.messageTexts),
  timeZone: z.optional(name),
  extractor: z._default(z.enum(['copy', 'cursor']), defaults.extractor),
  batchSize: z._default(whole(1, 1_000_000), defaults.batchSize),
  batchBytes: z._default(whole(1024, 2 ** 31 - 1), defaults.batchBytes),
  skewAllowance: z._default(milliseconds, defaults.skewAllowance),
  editWindow: z._default(atLeast(0), defaults.editWindow),
  editScanEvery: z._default(atLeast(0), defaults.editScanEvery),
  maxRowsPerSecond: z.optional(z.number().check(z.gte(1))),
  maxSnapshotSeconds: z._default(atLeast(0.001), defaults.maxSnapshotSeconds),
  statementTimeout: z._default(milliseconds, defaults.statementTimeout),
  lockTimeout: z._default(milliseconds, defaults.lockTimeout),
  connectTimeout: z._default(milliseconds, defaults.connectTimeout),
  keepHistory: z._default(atLeast(0), defaults.keepHistory),
  retryBudget: z._default(milliseconds, defaults.retryBudget),
  maxRejects: z.optional(whole(0, 2 ** 31 - 1)),
  keepRejected: z._default(z.boolean(), defaults.keepRejected),
  maxDeleteShare: z._default(z.number().check(z.gte(0), z.lte(1)), defaults.maxDeleteShare),
  acceptNewSource: z._default(z.boolean(), defaults.acceptNewSource),
  transform: hook,
  signal: z.optional(z.instanceof(AbortSignal)),
  onStart: hook,
  onRetry: hook,
  onProgress: hook,
  logger: z.optional(z.looseObject({})),
  dryRun: z._default(z.boolean(), defaults.dryRun),
})

/** Checks what a caller gave. Throws CONFIG_MISSING or CONFIG_INVALID, which names the option and what it may be. */
export function resolveOptions(options: SyncOptions): ResolvedOptions {
  for (const side of ['source', 'target'] as const) {
    if (options[side] === undefined) throw missing(side)
  }
  const checked = schema.safeParse(options)
  if (!checked.success) throw invalid(checked.error)
  checkRules(checked.data.columns, checked.data.hashSecret)
  const { source, target, transform, onStart, onRetry, onProgress, logger = silentLogger } = options
  // Handles and hooks are the caller's own objects: zod would copy them.
  return Object.freeze({ ...checked.data, source, target, transform, onStart, onRetry, onProgress, logger })
}

function missing(option: string): SyncError {
  return new SyncError('CONFIG_MISSING', `The option ${option} is missing.`, {
    remedy: 'Give a connection string, a configuration or a pool of pg, or a Kysely.',
  })
}

/** Values are left out: one of them could be a connection string. */
function invalid(error: z.core.$ZodError): SyncError {
  const complaints = error.issues.map(({ path, message }) => `${path.join('.') || 'options'}: ${message}`)
  return new SyncError('CONFIG_INVALID', `Options that cannot work: ${complaints.join('; ')}.`, {
    remedy: 'Correct them.',
    details: { complaints },
  })
}

export type { CustomRelation, Progress, Retry, SyncReport }
