import type { CompiledQuery } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import type { ResolvedOptions } from '../../options.js'
import { stageName } from '../../postgres/target/upsert.js'
import { look } from '../../postgres/driver/look.js'
import { targetPooled } from '../../postgres/driver/pooler.js'
import { lookUp, toRelation } from '../../postgres/driver/catalog.js'
import type { RenewableSession } from '../../postgres/driver/reconnecting-session.js'
import type { Cells, Session, Side } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { chatwootShape, lookUpChatwoot, toChatwootColumns } from '../../chatwoot/catalog.js'
import type { Plan } from './plan.js'
import { changesBetween, shapeOf, type Shape } from './shape.js'

export function schemaChanged(side: Side, changes: readonly string[], cause?: unknown): SyncError {
  return new SyncError(
    'SCHEMA_CHANGED',
    `The ${side} changed while the run was at work: ${changes.join('; ')}.`,
    {
      remedy: 'Run it again: nothing of the batch in work was written, and the next run looks at it anew.',
      details: { changes },
      cause,
    },
  )
}

interface Work {
  readonly source: RenewableSession
  readonly target: Session
  readonly plan: Plan
  readonly options: ResolvedOptions
}

/**
 * The error for a statement that failed in the middle of a run: where a column or a table is no longer what the statement was built for,
 * the error that says so; TARGET_POOLED where the temporary table went astray; else the one that was given.
 */
export async function explained(error: unknown, work: Work): Promise<unknown> {
  const { source, target, plan, options } = work
  if (!isAboutSchema(error) || options.signal?.aborted) return error
  try {
    await source.renew()
    const here = changesBetween(plan.shapes.source, await sourceShape(source, options))
    if (here.length > 0) return schemaChanged('source', here, error)
    await target.script(['rollback'])
    const there = changesBetween(plan.shapes.target, await targetShape(target, options))
    if (there.length > 0) return schemaChanged('target', there, error)
    return isWithoutStage(error) ? targetPooled(error) : error
  } catch {
    // Nobody can look again, as with a server that is gone: what failed first is what counts.
    return error
  }
}

/** Classes of errors that a changed table causes: names, types, values that no longer fit, a COPY in another format, a plan that is stale. */
function isAboutSchema(error: unknown): boolean {
  const sqlState = error instanceof SyncError ? error.details['sqlState'] : null
  return typeof sqlState === 'string' && /^(08P01|0A|22|23|3F|42|XX)/.test(sqlState)
}

/** The stage is missing, or another session's is there: a pooler has moved the connection on. */
function isWithoutStage(error: unknown): boolean {
  if (!(error instanceof SyncError)) return false
  const { sqlState } = error.details
  return (sqlState === '42P01' || sqlState === '42P07') && error.message.includes(stageName)
}

async function sourceShape(source: Session, options: ResolvedOptions): Promise<Shape> {
  if (!options.relation) {
    const [rows = []] = await look(source, options, [compile(lookUpChatwoot)])
    return chatwootShape(toChatwootColumns(rows))
  }
  const [rows = []] = await look(source, options, [lookUp(options.relation.name)])
  const relation = toRelation(rows)
  return relation ? shapeOf(relation) : new Map()
}

async function targetShape(target: Session, options: ResolvedOptions): Promise<Shape> {
  const [rows = []] = await look(target, options, [lookUp(options.table)])
  const table = toRelation(rows)
  return table ? shapeOf(table) : new Map()
}

/** A look at the target's table within the transaction that has written to it, which keeps it as it is until the commit. */
export interface TableGuard {
  readonly query: CompiledQuery
  /** Throws SCHEMA_CHANGED for the rows of `query` when a column that is written was changed or dropped. */
  check(rows: readonly Cells[]): void
}

/**
 * Without it a column that became narrower between two batches would cut values without a word, and the binary form of one type would be
 * read as another.
 */
export function guardOf({ load, shapes }: Plan, { table }: Pick<ResolvedOptions, 'table'>): TableGuard {
  const names = load.columns.map(({ name }) => `${load.table.name}.${name}`)
  const written = (shape: Shape): Shape =>
    new Map(names.flatMap((name) => (shape.has(name) ? [[name, shape.get(name) ?? '']] : [])))
  return {
    query: lookUp(table),
    check: (rows) => {
      const now = toRelation(rows)
      const changes = changesBetween(written(shapes.target), written(now ? shapeOf(now) : new Map()))
      if (changes.length > 0) throw schemaChanged('target', changes)
    },
  }
}
