import { sql } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { Cells, Session } from '../driver/session.js'
import { beginReading } from '../driver/transaction.js'
import { compile } from '../driver/statement.js'

/** What `etl_health` is asked for. Milliseconds; undefined leaves it to the settings of the database. */
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

/** What the database itself says of a pipeline's health. Throws TARGET_NOT_MIGRATED. */
export async function readHealth(target: Session, limits: HealthLimits): Promise<readonly HealthRow[]> {
  await target.script(beginReading(patience))
  try {
    const rows = await target.rows(healthQuery(limits))
    return rows.map(toRow)
  } catch (error) {
    if (error instanceof SyncError && error.details['sqlState'] === undefinedFunction) throw notMigrated()
    throw error
  } finally {
    if (!target.lost.aborted) await target.script(['rollback'])
  }
}

/** Milliseconds for the statement: who asks for health waits for the answer. */
const patience = { statementTimeout: 30_000, lockTimeout: 30_000 }

const undefinedFunction = '42883'

function healthQuery({ pipeline, expectedInterval, stuckAfter, skewAllowance }: HealthLimits) {
  return compile(sql`
    select
      check_name::text,
      outcome::text,
      value::text,
      unit::text,
      warning_limit::text,
      critical_limit::text,
      detail::text,
      remedy::text
    from etl_health(
      ${pipeline}::text,
      ${interval(expectedInterval)},
      ${interval(stuckAfter)},
      ${interval(skewAllowance)}
    )`)
}

function interval(milliseconds: number | undefined) {
  const seconds = milliseconds === undefined ? null : milliseconds / 1000
  return sql`make_interval(secs => ${seconds}::double precision)`
}

function toRow(cells: Cells): HealthRow {
  const [name = '', outcome, value, unit, warningLimit, criticalLimit, detail, remedy] = cells
  return {
    name: name ?? '',
    outcome: outcome === 'critical' || outcome === 'warning' ? outcome : 'ok',
    value: numberOf(value),
    unit: unit ?? '',
    warningLimit: numberOf(warningLimit),
    criticalLimit: numberOf(criticalLimit),
    detail: detail ?? null,
    remedy: remedy ?? '',
  }
}

function numberOf(cell: string | null | undefined): number | null {
  return cell === null || cell === undefined ? null : Number(cell)
}

function notMigrated(): SyncError {
  return new SyncError('TARGET_NOT_MIGRATED', 'The target has no function etl_health.', {
    remedy: 'Run chatwoot-sync migrate.',
  })
}
