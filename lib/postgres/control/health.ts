import { sql, type InferResult } from 'kysely'

import type { VwEtlHealth } from '../../../db/schema/target.js'
import { SyncError } from '../../domain/errors.js'
import { migrateCommand } from '../../domain/migrate-command.js'
import { ownFunction } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { builder, compile, controlName } from '../driver/statement.js'
import { withSnapshot } from '../driver/transaction.js'

/** The limits of `etl_health`, in milliseconds; where one is undefined, the setting of the database applies, else the default there. */
export interface HealthLimits {
  readonly pipeline: string
  readonly expectedInterval?: number | undefined
  readonly stuckAfter?: number | undefined
  readonly skewAllowance?: number | undefined
}

/** One row of `vw_etl_health`. */
export interface HealthRow {
  readonly name: string
  readonly outcome: 'ok' | 'warning' | 'critical'
  readonly value: number | null
  readonly unit: string
  readonly warningLimit: number | null
  readonly criticalLimit: number | null
  readonly detail: string | null
  readonly remedy: string
}

/** The health of a pipeline by its control tables, as the function `etl_health` of the database reports it. Throws TARGET_NOT_MIGRATED. */
export async function readHealth(target: Session, limits: HealthLimits): Promise<readonly HealthRow[]> {
  try {
    return await withSnapshot(target, timeouts, async () => {
      const [, rows] = await target.together([findTables, healthQuery(limits)])
      return rows.map(toHealthRow)
    })
  } catch (error) {
    if (error instanceof SyncError && error.details['sqlState'] === undefinedFunction)
      throw notMigrated(target)
    throw error
  }
}

/** Somebody waits for the answer. */
const timeouts = { statementTimeout: 30_000, lockTimeout: 30_000 }

const undefinedFunction = '42883'

/**
 * Before `migrate` has given the function a path, it looks for its tables on that of the transaction, which leaves out a schema where
 * everybody may create.
 */
const findTables = compile(sql`
  select set_config('search_path', current_setting('search_path') || ', ' || p.pronamespace::regnamespace::text, true)
  from ${ownFunction('etl_health')}
  where p.proconfig is null`)

/** The columns of the view but for the pipeline, which is the argument. */
type FunctionRow = Omit<VwEtlHealth, 'pipeline'>

function healthQuery({ pipeline, expectedInterval, stuckAfter, skewAllowance }: HealthLimits) {
  const health = sql<FunctionRow>`${controlName('etl_health')}(
    ${pipeline}::text,
    ${interval(expectedInterval)},
    ${interval(stuckAfter)},
    ${interval(skewAllowance)}
  )`
  return builder
    .selectFrom(health.as('health'))
    .select([
      'check_name',
      'outcome',
      'unit',
      'detail',
      'remedy',
      sql<string | null>`value::text`.as('value'),
      sql<string | null>`warning_limit::text`.as('warning_limit'),
      sql<string | null>`critical_limit::text`.as('critical_limit'),
    ])
    .compile()
}

function interval(milliseconds: number | undefined) {
  const seconds = milliseconds === undefined ? null : milliseconds / 1000
  return sql`make_interval(secs => ${seconds}::double precision)`
}

function toHealthRow(row: InferResult<ReturnType<typeof healthQuery>>[number]): HealthRow {
  return {
    name: row.check_name ?? '',
    outcome: row.outcome === 'critical' || row.outcome === 'warning' ? row.outcome : 'ok',
    value: numberOf(row.value),
    unit: row.unit ?? '',
    warningLimit: numberOf(row.warning_limit),
    criticalLimit: numberOf(row.critical_limit),
    detail: row.detail,
    remedy: row.remedy ?? '',
  }
}

function numberOf(numeric: string | null): number | null {
  return numeric === null ? null : Number(numeric)
}

function notMigrated({ schema }: Session): SyncError {
  return new SyncError('TARGET_NOT_MIGRATED', 'The target has no function etl_health.', {
    remedy: `Run ${migrateCommand(schema)}.`,
  })
}
