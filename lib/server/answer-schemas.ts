import * as z from 'zod/mini'

import type { SyncReport, Warning } from '../domain/report.js'
import type { VerifyReport } from '../domain/verification.js'
import type { Progress } from '../options.js'
import type { RunPage, Stats } from './run-reader.js'
import type { Health } from './functions.js'
import { about, executionId, loadType, runStatus } from './request-schemas.js'

/** The compiler checks the schema against the type of the answer. */
const of =
  <T>() =>
  <S extends z.ZodMiniType<T>>(schema: S): S =>
    schema

const count = z.int().check(z.gte(0))
const seconds = z.number()
const time = z.string().check(about('With microseconds and offset: 2026-11-24 12:00:00.123456+00.'))
const sourceTime = z.nullable(
  z
    .string()
    .check(about('By the clock of the source, in UTC, with microseconds: 2026-11-24 12:00:00.123456.')),
)
const healthOutcome = z.enum(['ok', 'warning', 'critical'])
const phase = z.exactOptional(z.number())

/** All warnings of a run: a code that is missing here does not compile. */
export const warningCodes = {
  MARGIN_HALF_USED: 'MARGIN_HALF_USED',
  MARGIN_USED_UP: 'MARGIN_USED_UP',
  HELD_BACK: 'HELD_BACK',
  COLUMNS_IGNORED: 'COLUMNS_IGNORED',
  COLUMNS_LOSSY: 'COLUMNS_LOSSY',
  COLUMNS_HELD: 'COLUMNS_HELD',
  TIME_ZONE_UNKNOWN: 'TIME_ZONE_UNKNOWN',
  TAKEN_OVER: 'TAKEN_OVER',
  RETRIED: 'RETRIED',
  ROWS_REJECTED: 'ROWS_REJECTED',
  VALUES_RELEASED: 'VALUES_RELEASED',
  CHANGED_BY_TRIGGER: 'CHANGED_BY_TRIGGER',
  TARGET_ROWS_DELETED: 'TARGET_ROWS_DELETED',
  PARTITIONS_GONE: 'PARTITIONS_GONE',
  CHANGED_AT_ZONE_UNKNOWN: 'CHANGED_AT_ZONE_UNKNOWN',
  PARALLEL_REDUCED: 'PARALLEL_REDUCED',
  LAKE_FAILED: 'LAKE_FAILED',
} as const satisfies { [Code in Warning['code']]: Code }

export const runStarted = z.strictObject({ executionId, loadType, status: z.literal('running') })

export const runReport = of<SyncReport>()(
  z.strictObject({
    executionId,
    pipeline: z.string(),
    status: runStatus,
    loadType,
    triggeredBy: z.enum(['manual', 'scheduler', 'api']),
    reason: z
      .nullable(z.string())
      .check(about('Why an incremental run read everything, or a full one resumed an earlier one.')),
    startedAt: time,
    completedAt: z.nullable(time),
    durationSeconds: z.nullable(seconds),
    watermarkStart: sourceTime,
    watermarkEnd: sourceTime,
    watermarkIndexed: sourceTime,
    rowsExtracted: count.check(about('The sum of inserted, updated, unchanged and rejected.')),
    rowsInserted: count,
    rowsUpdated: count,
    rowsUnchanged: count,
    rowsDeleted: count,
    rowsRejected: count,
    phases: z
      .object({
        connect: phase,
        probe: phase,
        feeds: phase,
        extract: phase,
        transform: phase,
        load: phase,
        deletes: phase,
      })
      .check(about('Milliseconds spent in each part.')),
    warnings: z.array(
      z.object({
        code: z.enum(warningCodes),
        message: z.string(),
      }),
    ),
    horizonMode: z.nullable(z.enum(['primary', 'standby'])),
    marginUsedSeconds: z.nullable(seconds),
    errorCode: z.nullable(z.string()),
    errorMessage: z.nullable(z.string()),
    dryRun: z.boolean(),
  }),
)

export const runPage = of<RunPage>()(
  z.strictObject({
    runs: z.array(runReport),
    next: z.nullable(executionId).check(about('Cursor of the next page; null on the last one.')),
  }),
)

export const progress = of<Progress>()(
  z.strictObject({
    phase: z.enum(['probe', 'feeds', 'load', 'deletes']),
    rowsExtracted: count,
    rowsExpected: z.nullable(z.number()),
  }),
)

export const verifyReport = of<VerifyReport>()(
  z.strictObject({
    verificationId: z.string(),
    pipeline: z.string(),
    startedAt: time,
    completedAt: time,
    durationSeconds: seconds,
    sourceTime,
    sample: z.number(),
    rowsCompared: count,
    rowsMissing: count,
    rowsStale: count,
    rowsExtra: count,
    rowsDouble: count,
    rowsSilent: count,
    rowsPending: count,
    rowsRejected: count,
    rowsRepaired: count,
    differingColumns: z.record(z.string(), count),
    differingKeys: z.array(z.string()),
  }),
)

const number = z.nullable(z.number())

export const healthReport = of<Health>()(
  z.strictObject({
    healthy: z.boolean().check(about('Whether nothing is critical.')),
    outcome: healthOutcome,
    pipeline: z.string(),
    checks: z.array(
      z.object({
        name: z.string(),
        outcome: healthOutcome,
        value: number,
        unit: z.string(),
        limit: number.check(about('Above it the outcome is a warning.')),
        criticalLimit: number.check(about('Above it the outcome is critical.')),
        message: z.string(),
        remedy: z.nullable(z.string()),
      }),
    ),
  }),
)

export const stats = of<Stats>()(
  z.strictObject({
    pipeline: z.string(),
    time,
    isLocked: z.boolean().check(about('Whether a run or a comparison is in progress.')),
    running: z.nullable(runReport),
    lastRun: z.nullable(runReport),
    lastSuccess: z.nullable(runReport),
    freshnessSeconds: z.nullable(seconds).check(about('Since the last successful run ended.')),
    lagSeconds: z.nullable(seconds).check(about('Since the time of the source that the target reflects.')),
    indexedLagSeconds: z
      .nullable(seconds)
      .check(about('The same but for changes that runs leave to the next scan of a large table.')),
    runTotals: z.array(z.strictObject({ loadType, status: runStatus, runs: count, seconds })),
    rowTotals: z.strictObject({
      inserted: count,
      updated: count,
      unchanged: count,
      rejected: count,
      deleted: count,
    }),
    failuresInRow: count,
    rejections: z.array(
      z.strictObject({
        sqlState: z.string(),
        column: z.nullable(z.string()),
        message: z.string(),
        rows: count,
        lastRejectedAt: time,
      }),
    ),
    lastVerification: z.nullable(verifyReport),
    lakes: z
      .array(
        z.strictObject({
          lake: z.string(),
          version: z.nullable(count),
          equalAt: z.nullable(time).check(about('The version equals the table as of then.')),
          ageSeconds: seconds,
          rows: z.nullable(count),
          bytes: z.nullable(count),
          files: z.nullable(count),
          months: z.nullable(count),
          monthsPending: count.check(about('Months that have changed since.')),
          errorCode: z.nullable(z.string()),
          errorMessage: z.nullable(z.string()),
        }),
      )
      .check(about('Copies of the table for other engines.')),
  }),
)

/** Stats, with what only the server knows. */
export const serverStats = z.extend(stats, {
  nextRunAt: z.nullable(z.iso.datetime()).check(about('Start of the next run; null when it is not known.')),
  version: z.string(),
})

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string().check(about('Stable, for programs to act on.')),
  executionId: z.optional(executionId).check(about('The run that is in progress.')),
})
