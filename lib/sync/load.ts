import type { RawBuilder } from 'kysely'

import { readAcrossSnapshots, type ReadLimits } from '../pipeline/read/across-snapshots.js'
import type { Batch, BatchLimits, Extractor, RowLayout, TextBatch } from '../pipeline/read/batches.js'
import { copyExtractor } from '../pipeline/read/copy.js'
import { cursorExtractor } from '../pipeline/read/cursor.js'
import { findInSource, rowsOf, type QueryScope } from '../pipeline/read/queries.js'
import type { Plan } from '../pipeline/prepare/plan.js'
import { keyPosition } from '../pipeline/write/chunk.js'
import type { LoadContext } from '../pipeline/write/load-batches.js'
import type { Spellings } from '../pipeline/write/hold-back.js'
import type { SpelledSource } from '../pipeline/write/reject-collapsed.js'
import type { SourceRows } from '../pipeline/write/retry-conflicts.js'
import { binaryKeyType, isSameInBinary } from '../postgres/driver/column-types.js'
import { keyCollapsed } from '../postgres/driver/row-error.js'
import { compile } from '../postgres/driver/statement.js'
import { canCollapse } from '../postgres/target/key-rule.js'
import type { Run } from './prepare.js'
import { renewSnapshot } from './renew-snapshot.js'

/** What the queries of a run depend on. */
export const scopeOf = ({ baseline, options }: Pick<Run, 'baseline' | 'options'>): QueryScope => ({
  plan: baseline.plan,
  options,
  timeZones: baseline.timeZones,
})

type Loading = Pick<
  Run,
  'target' | 'baseline' | 'options' | 'tally' | 'facts' | 'attempts' | 'rejectedBefore'
>

/** Where a run loads its batches, and by which rules. */
export function loadContextOf(run: Loading): LoadContext {
  const { target, tally, options, facts, rejectedBefore } = run
  const { plan, opened } = run.baseline
  const { pipeline, maxRejects, keepRejected } = options
  const isIncremental = facts.loadType === 'incremental'
  const { low } = opened.bound
  return {
    target,
    plan: plan.load,
    tally,
    dryRun: options.dryRun,
    transform: options.transform,
    rejects: {
      pipeline,
      executionId: run.attempts.executionId,
      maxRejects,
      keepContent: keepRejected,
      known: isIncremental ? rejectedBefore : new Set(),
      spellings: canCollapse(plan.load) ? spellingsOf(run) : undefined,
    },
    skew:
      isIncremental && low !== undefined
        ? { since: low + options.skewAllowance * 1000, retried: rejectedBefore }
        : undefined,
    signal: options.signal,
  }
}

function spellingsOf({ baseline, facts }: Pick<Run, 'baseline' | 'facts'>): Spellings {
  const collapsed = baseline.previousRuns.rejected.filter(({ sqlState }) => sqlState === keyCollapsed)
  return {
    known: new Set(collapsed.map(({ key }) => key)),
    held: new Set(),
    read: facts.loadType === 'incremental' ? new Set() : undefined,
  }
}

/** The rows of a query through a cursor, in batches as large as the options allow. */
export function rowsByCursor(
  run: Pick<Run, 'source' | 'baseline' | 'options' | 'tally'>,
): Extractor<TextBatch> {
  return cursorExtractor(run.source, layoutOf(run.baseline.plan), batchLimits(run))
}

/** The rows of a full load: by COPY where nothing has to look at them, else through a cursor. */
export function rowsInBulk(
  run: Pick<Run, 'source' | 'target' | 'baseline' | 'options' | 'tally'>,
): Extractor {
  const { source, target, options } = run
  const { plan } = run.baseline
  const { keyType, keyAt } = layoutOf(plan)
  const isPlain = options.extractor === 'copy' && !options.transform && !options.keepRejected
  const isExact = plan.load.lossy.length === 0
  if (!source.copy || !target.copy || !keyType || !isPlain || !isExact || !isSameOnBothSides(plan)) {
    return rowsByCursor(run)
  }
  return copyExtractor(source, { keyAt, keyType }, batchLimits(run))
}

/** How the source is asked about rows that were rejected because of others, once nothing else is read. */
export function sourceRows(run: Pick<Run, 'source' | 'baseline' | 'options' | 'tally'>): SourceRows {
  const scope = scopeOf(run)
  return {
    rowsOf: (keys) => rowsByCursor(run).extract(compile(rowsOf(scope, keys))),
    findInSource: (keys) => findInSource(run.source, scope, keys),
  }
}

/** How the source is asked about keys that may be one key to the target. */
export const spelledSource = (
  run: Pick<Run, 'source' | 'baseline' | 'options' | 'tally'>,
): SpelledSource => ({ source: run.source, scope: scopeOf(run), rowsOf: sourceRows(run).rowsOf })

/** The rows of a query that is ordered by its key, under as many snapshots as it takes. */
export function readRows<Read extends Batch>(
  run: Pick<Run, 'source' | 'baseline' | 'options' | 'tally' | 'attempts' | 'resumeAfter'>,
  extractor: Extractor<Read>,
  query: (after: string | null) => RawBuilder<unknown>,
): AsyncGenerator<Read> {
  return readAcrossSnapshots({
    extractor,
    query: (after) => compile(query(after)),
    after: run.resumeAfter,
    limits: readLimits(run),
    renewSnapshot: () => renewSnapshot(run),
  })
}

function layoutOf({ load }: Pick<Plan, 'load'>): RowLayout {
  return { columns: load.columns.length, keyAt: keyPosition(load), keyType: binaryKeyType(load) }
}

/** A batch has at most the rows of one second, so that reading pauses often rather than long. */
function batchLimits({ options, tally }: Pick<Run, 'options' | 'tally'>): BatchLimits {
  const { batchSize, batchBytes, maxRowsPerSecond = Infinity } = options
  return {
    maxRows: Math.min(batchSize, Math.ceil(maxRowsPerSecond)),
    maxBytes: batchBytes,
    onRead: (milliseconds) => {
      tally.phases.extract += milliseconds
    },
  }
}

/** A COPY is one statement however long it takes, so it has to end before the limit of statements. */
function readLimits({ options, source }: Pick<Run, 'options' | 'source'>): ReadLimits {
  const { maxSnapshotSeconds, statementTimeout, extractor, maxRowsPerSecond, signal } = options
  const isOneStatement = source.copy !== undefined && extractor === 'copy' && statementTimeout > 0
  const statementTime = isOneStatement ? statementTimeout * 0.75 : Infinity
  return { snapshotTime: Math.min(maxSnapshotSeconds * 1000, statementTime), maxRowsPerSecond, signal }
}

/** Whether every column has the same binary form on both sides. The built-in query returns each in the type of the target. */
function isSameOnBothSides({ load, custom }: Pick<Plan, 'load' | 'custom'>): boolean {
  return load.columns.every(({ name, definition }) => {
    const from = custom
      ? custom.relation.columns.find((column) => column.name === name)?.definition
      : definition
    return from !== undefined && isSameInBinary(from, definition)
  })
}
