import type { CompiledQuery, RawBuilder } from 'kysely'

import { pause } from '../domain/abort.js'
import type { ResolvedOptions } from '../options.js'
import type { Plan } from '../pipeline/prepare/plan.js'
import {
  asTexts,
  copyExtractor,
  cursorExtractor,
  readAhead,
  sizeOf,
  type Batch,
  type BatchLimits,
  type Extractor,
  type RowLayout,
  type WireBatch,
} from '../pipeline/read/batches.js'
import { findInSource, rowsOf, type QueryScope } from '../pipeline/read/queries.js'
import type { TextBatch } from '../pipeline/read/text-batches.js'
import type { LoadContext } from '../pipeline/write/load-context.js'
import type { Spellings } from '../pipeline/write/rejects.js'
import type { SpelledSource } from '../pipeline/write/spellings.js'
import { keysLeftOut, type RowTransform, type Transform } from '../pipeline/write/transform-rows.js'
import { binaryKeyType, isSameInBinary } from '../postgres/driver/binary-copy.js'
import { bufferPool } from '../postgres/driver/cut-batches.js'
import { compile } from '../postgres/driver/statement.js'
import { keyCollapsed } from '../postgres/driver/row-error.js'
import { canCollapse, keyColumnOf, keyPosition } from '../postgres/target/load-plan.js'
import type { Run } from './run.js'
import { renewSnapshot } from './renew-snapshot.js'

/** What the queries of a run depend on. */
export const scopeOf = ({ baseline, options }: Pick<Run, 'baseline' | 'options'>): QueryScope => ({
  plan: baseline.plan,
  options,
  timeZones: baseline.timeZones,
})

/** The same for rows that an extractor reads and that go to the target as they are, unless something looks at them on the way. */
export function readingScope(
  run: Pick<Run, 'baseline' | 'options'>,
  { isBinary }: Pick<Extractor, 'isBinary'>,
): QueryScope {
  const { transform, keepRejected } = run.options
  const asText = transform || keepRejected ? undefined : 'text'
  return { ...scopeOf(run), sendJsonAs: isBinary ? 'bytes' : asText, findsPassed: isBinary }
}

type Loading = Pick<
  Run,
  'target' | 'baseline' | 'options' | 'tally' | 'facts' | 'attempts' | 'rejectedBefore' | 'feeds'
>

/** Where a run loads its batches, and by which rules. */
export function loadContextOf(run: Loading): LoadContext {
  const { target, tally, options, facts, rejectedBefore } = run
  const { plan, opened } = run.baseline
  const { pipeline, maxRejects, keepRejected } = options
  const isIncremental = facts.loadType === 'incremental'
  const since = run.feeds?.stampsSince ?? opened.bound.low
  return {
    target,
    plan: plan.load,
    tally,
    dryRun: options.dryRun,
    transform:
      options.transform && transformOf(options.transform, isIncremental && canCollapse(plan.load), options),
    rejects: {
      pipeline,
      executionId: run.attempts.executionId,
      maxRejects,
      keepContent: keepRejected,
      known: isIncremental ? rejectedBefore : new Set(),
      spellings: canCollapse(plan.load) ? spellingsOf(run) : undefined,
    },
    // The rows of a partition that was attached have stamps of long ago, and none of them came late.
    skew:
      isIncremental && since !== undefined && (plan.custom?.newParts ?? []).length === 0
        ? { since: since + options.skewAllowance * 1000, retried: rejectedBefore }
        : undefined,
    signal: options.signal,
  }
}

/** In an incremental run, which is one transaction, all drops can wait; a full load has to know first which ones must. */
const transformOf = (
  call: Transform,
  isLate: boolean,
  { batchBytes }: Pick<ResolvedOptions, 'batchBytes'>,
): RowTransform => ({
  call,
  buffers: bufferPool(batchBytes),
  dropped: new Set(),
  late: isLate ? 'all' : new Set(),
})

function spellingsOf({ baseline, facts }: Pick<Run, 'baseline' | 'facts'>): Spellings {
  const collapsed = baseline.previousRuns.rejected.filter(({ sqlState }) => sqlState === keyCollapsed)
  return {
    known: new Set(collapsed.map(({ key }) => key)),
    held: new Set(),
    read: facts.loadType === 'incremental' ? new Set() : undefined,
    isCollected: false,
  }
}

/** The rows of a query through a cursor, in batches as large as the options allow. */
export function rowsByCursor(
  run: Pick<Run, 'source' | 'baseline' | 'options' | 'tally'>,
): Extractor<TextBatch | WireBatch> {
  return cursorExtractor(run.source, layoutOf(run.baseline.plan), batchLimits(run))
}

/**
 * The rows of a load: by COPY where nothing has to look at them, else through a cursor. In `parts` of a batch, for who puts them together.
 */
export function rowsInBulk(
  run: Pick<Run, 'source' | 'target' | 'baseline' | 'options' | 'tally'>,
  parts?: Pick<BatchLimits, 'maxRows' | 'maxBytes'>,
): Extractor {
  const { source, target, options } = run
  const { plan } = run.baseline
  const keyType = binaryKeyType(keyColumnOf(plan.load).definition)
  const isPlain = options.extractor === 'copy' && !options.transform && !options.keepRejected
  const isExact = plan.load.lossy.length === 0
  if (!source.copy || !target.copy || !keyType || !isPlain || !isExact || !isSameOnBothSides(plan)) {
    return rowsByCursor(run)
  }
  const limits = batchLimits(run)
  const { maxRows, maxBytes } = parts ?? limits
  const smallest = {
    maxRows: Math.min(maxRows, limits.maxRows),
    maxBytes: Math.min(maxBytes, limits.maxBytes),
  }
  return copyExtractor(source, { keyAt: keyPosition(plan.load), keyType }, { ...limits, ...smallest })
}

/** How the source is asked about rows that were rejected because of others, and about keys that may be one key to the target. */
export function spelledSource(run: Pick<Run, 'source' | 'baseline' | 'options' | 'tally'>): SpelledSource {
  const { source } = run
  const scope = scopeOf(run)
  const { transform } = run.options
  const read = (keys: readonly string[]) => asTexts(rowsByCursor(run).extract(compile(rowsOf(scope, keys))))
  return {
    ...{ source, scope },
    rowsOf: read,
    findInSource: async (keys) => {
      const found = new Set(await findInSource(source, scope, keys))
      // A row that is left out does not exist for the target.
      const leftOut =
        transform && found.size > 0 ? await keysLeftOut(transform, scope.plan.load, read([...found])) : []
      for (const key of leftOut) found.delete(key)
      return found
    },
  }
}

/**
 * The rows of a query that is ordered by its key. Once the snapshot is too old, it continues under a new one after the last key. What changes
 * behind that key meanwhile, moves there, or is deleted, has a stamp after the low watermark that the next run starts from, which is that of
 * the first snapshot: the next run reads it. Deleted rows show when the keys are compared, under the last snapshot. `pass` is for the extractor.
 */
export async function* readRows<Read extends Batch>(
  run: Pick<Run, 'source' | 'baseline' | 'options' | 'tally' | 'attempts' | 'resumeAfter'>,
  extractor: Extractor<Read>,
  query: (after: string | null) => RawBuilder<unknown>,
  pass?: CompiledQuery,
): AsyncGenerator<Read> {
  const throttle = newThrottle(run.options)
  let reached = run.resumeAfter
  while (true) {
    const from = reached
    const began = performance.now()
    let time = snapshotTime(run)
    let isLeft = false
    const rows = extractor.extract(compile(query(from)), pass)
    for await (const batch of readAhead(throttled(rows, throttle))) {
      const age = performance.now() - began
      // A view that takes long until its first row would do so again each time.
      if (reached === from) time = Math.max(time, 2 * age)
      yield batch
      // No statement can name a key that is no text: what comes behind it is read again.
      if (batch.lastKey.isWellFormed()) reached = batch.lastKey
      isLeft = reached !== from && performance.now() - began >= time
      if (isLeft) break
    }
    if (!isLeft) return
    await renewSnapshot(run)
  }
}

/** Milliseconds under one snapshot. A COPY is one statement however long it takes, so it has to end before the limit of statements. */
export function snapshotTime({ options, source }: Pick<Run, 'options' | 'source'>): number {
  const { maxSnapshotSeconds, statementTimeout, extractor } = options
  const isOneStatement = source.copy !== undefined && extractor === 'copy' && statementTimeout > 0
  return Math.min(maxSnapshotSeconds * 1000, isOneStatement ? statementTimeout * 0.75 : Infinity)
}

/** Waits until so many more rows may be read. */
export type Throttle = (rows: number) => Promise<void>

/** Waits before more rows are read than the limit allows so far; undefined without a limit. */
export function newThrottle({
  maxRowsPerSecond,
  signal,
}: Pick<ResolvedOptions, 'maxRowsPerSecond' | 'signal'>): Throttle | undefined {
  if (maxRowsPerSecond === undefined) return undefined
  const began = performance.now()
  let rows = 0
  return async (more) => {
    rows += more
    const due = began + (rows * 1000) / maxRowsPerSecond - performance.now()
    if (due > 0) await pause(due, signal)
  }
}

/** Batches that are read no faster than they may be. */
export async function* throttled<Read extends Batch>(
  batches: AsyncGenerator<Read>,
  throttle: Throttle | undefined,
): AsyncGenerator<Read> {
  for await (const batch of batches) {
    yield batch
    await throttle?.(batch.repeated + sizeOf(batch))
  }
}

function layoutOf({ load }: Pick<Plan, 'load'>): RowLayout {
  return { columns: load.columns.length, keyAt: keyPosition(load) }
}

/** A batch has at most the rows of one second, so that reading pauses often rather than long. */
export function batchLimits({ options, tally }: Pick<Run, 'options' | 'tally'>): BatchLimits {
  const { batchSize, batchBytes, maxRowsPerSecond = Infinity } = options
  return {
    maxRows: Math.min(batchSize, Math.ceil(maxRowsPerSecond)),
    maxBytes: batchBytes,
    onRead: (milliseconds) => {
      tally.phases.extract += milliseconds
    },
  }
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
