import { chatwootColumnsQuery, chatwootShape } from '../../chatwoot/catalog.js'
import { SyncError } from '../../domain/errors.js'
import type { ResolvedOptions } from '../../options.js'
import {
  changesBetween,
  columnsQuery,
  schemaChanged,
  shapeOf,
  toRelation,
  type Shape,
} from '../../postgres/driver/catalog.js'
import { targetPooled } from '../../postgres/driver/driver-error.js'
import type { ReconnectingSession } from '../../postgres/driver/connect.js'
import { relationNamed } from '../../postgres/driver/catalog.js'
import { tableIn } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { readTogether, type Timeouts } from '../../postgres/driver/transaction.js'
import { stageName } from '../../postgres/target/load-plan.js'
import type { Plan } from './plan.js'

/** The connections of the run that failed, and what its statements were built for. */
export interface FailedWork {
  readonly source: ReconnectingSession
  readonly target: Session
  readonly shapes: Plan['shapes']
  readonly options: Timeouts & Pick<ResolvedOptions, 'relation' | 'table' | 'signal'>
}

/**
 * The error for a statement that failed in the middle of a run: SCHEMA_CHANGED where a column or a table is no longer what the statement was
 * built for; TARGET_POOLED where the temporary table is on another connection; else the error as it was.
 */
export async function explainFailure(error: unknown, work: FailedWork): Promise<unknown> {
  const { source, target, shapes, options } = work
  if (!isAboutSchema(error) || options.signal?.aborted) return error
  try {
    await source.reconnect()
    const here = changesBetween(shapes.source, await sourceShape(source, options))
    if (here.length > 0) return schemaChanged('source', here, error)
    await target.script(['rollback'])
    const there = changesBetween(
      shapes.target,
      await shapeNow(target, tableIn(target.schema, options.table), options),
    )
    if (there.length > 0) return schemaChanged('target', there, error)
    return isWithoutStage(error) ? targetPooled(error) : error
  } catch {
    // The catalog cannot be read, as of a server that is down: the first failure is what counts.
    return error
  }
}

/** Classes of errors that a changed table causes: names, types, values that no longer fit, a COPY in another format, a plan that is stale. */
function isAboutSchema(error: unknown): boolean {
  const sqlState = error instanceof SyncError ? error.details['sqlState'] : null
  return typeof sqlState === 'string' && /^(08P01|0A|22|23|3F|42|XX)/.test(sqlState)
}

/** The stage is missing, or another session's exists: a pooler has switched the connection. */
function isWithoutStage(error: unknown): boolean {
  if (!(error instanceof SyncError)) return false
  const { sqlState } = error.details
  return (sqlState === '42P01' || sqlState === '42P07') && error.message.includes(stageName)
}

async function sourceShape(source: Session, options: FailedWork['options']): Promise<Shape> {
  if (options.relation) return shapeNow(source, options.relation.name, options)
  const [columns] = await readTogether(source, options, [compile(chatwootColumnsQuery(relationNamed))])
  return chatwootShape(columns)
}

async function shapeNow(session: Session, name: string, timeouts: Timeouts): Promise<Shape> {
  const [rows] = await readTogether(session, timeouts, [columnsQuery(name)])
  const relation = toRelation(rows)
  return relation ? shapeOf(relation) : new Map()
}
