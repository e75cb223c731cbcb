import { sql, type InferResult, type RawBuilder } from 'kysely'

import type { LoadType, SyncReport } from '../../domain/report.js'
import type { VerifyReport } from '../../domain/verification.js'
import type { Session } from '../driver/session.js'
import { builder } from '../driver/statement.js'
import { mayReadQuery, readLakeStates, type LakeState } from './lake-states.js'
import { reasonsQuery, type RejectReason } from './reject-list.js'
import { isRunLock } from './run-start.js'
import { indexedText, reportColumns, toReport } from './run-rows.js'
import { lastVerificationQuery, toVerifyReport } from './verification.js'

/** Runs of one load type that ended in the same way, since the control table exists. */
export interface RunTotal {
  readonly loadType: LoadType
  readonly status: SyncReport['status']
  readonly runs: number
  readonly seconds: number
}

/** Rows of all runs by outcome, since the control table exists. */
export interface RowTotals {
  readonly inserted: number
  readonly updated: number
  readonly unchanged: number
  readonly rejected: number
  readonly deleted: number
}

/**
 * The state of a pipeline. Ages are in seconds by the target's clock, and null as long as there was no successful run; times are texts with an
 * offset.
 */
export interface Stats {
  readonly pipeline: string
  /** Time of the target's clock as of which all of this holds. */
  readonly time: string
  /** Whether a run or a comparison holds the lock: a row that is `running` without it was left behind by a run that died. */
  readonly isLocked: boolean
  readonly running: SyncReport | null
  readonly lastRun: SyncReport | null
  readonly lastSuccess: SyncReport | null
  /** Since the last successful run ended. */
  readonly freshnessSeconds: number | null
  /** Since the time of the source that the target equals. */
  readonly lagSeconds: number | null
  /** The same but for changes that only a column without an index shows; never longer. */
  readonly indexedLagSeconds: number | null
  readonly runTotals: readonly RunTotal[]
  readonly rowTotals: RowTotals
  /** Failed runs since the last successful one, but for those that were stopped on purpose. */
  readonly failuresInRow: number
  /** Rows that the target rejects now, by reason, the most frequent first. */
  readonly rejections: readonly Omit<RejectReason, 'pipeline' | 'firstRejectedAt'>[]
  readonly lastVerification: VerifyReport | null
  /** The lakes of the pipeline, by name. */
  readonly lakes: readonly LakeState[]
}

/** Reads the state of a pipeline in two round trips. All of it holds at one time where the open transaction has one snapshot. */
export async function readStats(target: Session, pipeline: string): Promise<Stats> {
  const found = await target.together([
    factsQuery(pipeline),
    newestRun(pipeline).where('status', '=', 'running').compile(),
    newestRun(pipeline).compile(),
    successQuery(pipeline),
    totalsQuery(pipeline),
    reasonsQuery(pipeline),
    lastVerificationQuery(pipeline),
    mayReadQuery(),
  ])
  const [[facts], running, lastRun, lastSuccess, totals, reasons, verifications, [lakes]] = found
  const [success] = lastSuccess
  return {
    pipeline,
    time: facts?.time ?? '',
    isLocked: facts?.is_locked === true,
    running: running.map(toReport)[0] ?? null,
    lastRun: lastRun.map(toReport)[0] ?? null,
    lastSuccess: lastSuccess.map(toReport)[0] ?? null,
    freshnessSeconds: numberOf(success?.freshness),
    lagSeconds: numberOf(success?.lag),
    indexedLagSeconds: numberOf(success?.indexed_lag),
    runTotals: totals.map(toRunTotal),
    rowTotals: toRowTotals(totals),
    failuresInRow: Number(facts?.failures),
    rejections: reasons.map(({ sqlState, column, message, rows, lastRejectedAt }) => {
      return { sqlState, column, message, rows: Number(rows), lastRejectedAt }
    }),
    lastVerification: verifications.map(toVerifyReport)[0] ?? null,
    lakes: lakes?.readable ? await readLakeStates(target, pipeline) : [],
  }
}

/** All but the totals are a step in an index each, however many runs there were. */
const newestRun = (pipeline: string) =>
  builder
    .selectFrom('etl_control')
    .select(reportColumns)
    .where('pipeline', '=', pipeline)
    .orderBy('etl_control.started_at', 'desc')
    .limit(1)

const successQuery = (pipeline: string) =>
  newestRun(pipeline)
    .where('status', '=', 'success')
    .select([
      sql<string | null>`round(extract(epoch from now() - completed_at)::numeric, 3)::text`.as('freshness'),
      lagSince(sql`watermark_end`).as('lag'),
      lagSince(sql`coalesce(${indexedText}::timestamp, watermark_end)`).as('indexed_lag'),
    ])
    .compile()

const lagSince = (time: RawBuilder<unknown>) =>
  sql<string | null>`round(extract(epoch from now() - ${time} at time zone 'UTC')::numeric, 3)::text`

function factsQuery(pipeline: string) {
  const lastSuccess = builder
    .selectFrom('etl_control')
    .select('started_at')
    .where('pipeline', '=', pipeline)
    .where('status', '=', 'success')
    .orderBy('started_at', 'desc')
    .limit(1)
  const failures = builder
    .selectFrom('etl_control')
    .select(sql<string>`count(*)::text`.as('failures'))
    .where('pipeline', '=', pipeline)
    .where('status', '=', 'failed')
    .where('error_code', 'is distinct from', 'ABORTED')
    .where('started_at', '>', sql<string>`coalesce(${lastSuccess}, '-infinity')`)
  return builder
    .selectNoFrom([
      sql<string>`now()::text`.as('time'),
      sql<boolean>`exists (select 1 from pg_locks l where ${isRunLock(pipeline)})`.as('is_locked'),
      sql<string>`${failures}`.as('failures'),
    ])
    .compile()
}

const bigint = (column: string) => sql<string>`${sql.ref(column)}::bigint`.as(column)

const counts = ['rows_inserted', 'rows_updated', 'rows_unchanged', 'rows_rejected', 'rows_deleted'] as const

/** By load type and status. Runs that are no longer in the control table stay in the sums, so that no total ever decreases. */
function totalsQuery(pipeline: string) {
  const runs = builder
    .selectFrom('etl_control')
    .select(['load_type', 'status', sql<string>`1::bigint`.as('runs')])
    .select(sql<string>`coalesce(duration_seconds, 0)`.as('seconds'))
    .select(counts.map(bigint))
    .where('pipeline', '=', pipeline)
  const trimmed = builder
    .selectFrom('etl_trimmed_runs')
    .select(['load_type', 'status', 'runs', sql<string>`duration_seconds`.as('seconds')])
    .select(counts.map(bigint))
    .where('pipeline', '=', pipeline)
  const total = (column: string) => sql<string>`sum(${sql.ref(column)})::text`
  return builder
    .selectFrom(runs.unionAll(trimmed).as('run'))
    .select(['load_type', 'status', total('runs').as('runs'), total('seconds').as('seconds')])
    .select([
      total('rows_inserted').as('inserted'),
      total('rows_updated').as('updated'),
      total('rows_unchanged').as('unchanged'),
      total('rows_rejected').as('rejected'),
      total('rows_deleted').as('deleted'),
    ])
    .groupBy(['load_type', 'status'])
    .orderBy('load_type')
    .orderBy('status')
    .compile()
}

type TotalsRow = InferResult<ReturnType<typeof totalsQuery>>[number]

/** Checks of the tables vouch for the words of load type and status. */
function toRunTotal({ load_type: loadType, status, runs, seconds }: TotalsRow): RunTotal {
  return {
    loadType: loadType as LoadType,
    status: status as RunTotal['status'],
    runs: Number(runs),
    seconds: Number(seconds),
  }
}

function toRowTotals(rows: readonly TotalsRow[]): RowTotals {
  const sum = (outcome: keyof RowTotals) => rows.reduce((total, row) => total + Number(row[outcome]), 0)
  return {
    inserted: sum('inserted'),
    updated: sum('updated'),
    unchanged: sum('unchanged'),
    rejected: sum('rejected'),
    deleted: sum('deleted'),
  }
}

function numberOf(numeric: string | null | undefined): number | null {
  return numeric === null || numeric === undefined ? null : Number(numeric)
}
