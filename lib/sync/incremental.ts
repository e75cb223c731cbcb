import { CompiledQuery } from 'kysely'

import { changedConversations } from '../chatwoot/feeds.js'
import type { SyncReport } from '../domain/report.js'
import { closeRun } from '../postgres/control/runs.js'
import { clearStage, stageQueries } from '../postgres/target/upsert.js'
import { moveSavepoint, setSavepoint } from '../postgres/driver/savepoint.js'
import { beginWriting } from '../postgres/driver/transaction.js'
import { compile } from '../postgres/driver/statement.js'
import { holdQueries, holdTables, requireNotRewritten } from '../pipeline/prepare/held-tables.js'
import { guardOf } from '../pipeline/prepare/schema-change.js'
import { dropKeys, loadBatch } from './load-batch.js'
import { marginWarnings } from './clock-skew.js'
import { rowsOf, rowsSince } from '../pipeline/read/queries.js'
import { readAcross } from './across-snapshots.js'
import { readRows } from './reading.js'
import { settleRejects } from './rejects.js'
import { measure, progressOf, report, type Run } from './run.js'
import { throwIfStopped } from '../domain/abort.js'

/**
 * Reads what changed since the last good run. Rows, deletes, state and counts are one transaction: after a failure everything is as
 * it was before, and the next run reads the same again.
 */
export async function readChanges(run: Run): Promise<SyncReport> {
  const { target, options, executionId } = run
  const guard = guardOf(run.plan, options)
  const isOpen = await loadChanges(run)
  run.tally.warnings.push(...marginWarnings(run))
  if (isOpen) guard.check(await target.rows(guard.query))
  const closed = await closeRun(target, executionId, progressOf(run, null), options.pipeline)
  if (isOpen) await target.script(['commit'])
  return closed
}

/** Counts what `readChanges` would do, in a transaction that is rolled back. */
export async function rehearseChanges(run: Run): Promise<void> {
  if (await loadChanges(run)) await run.target.script(['rollback'])
}

/** Leaves the writing transaction open; false when there was nothing to write and none was begun. */
async function loadChanges(run: Run): Promise<boolean> {
  const { target, plan, options, outlook, rejectedBefore } = run
  const changed = plan.custom || outlook.isIdle ? [] : await findCandidates(run)
  const candidates = [...new Set([...changed, ...rejectedBefore])]
  const isByKey = outlook.isIdle || !plan.custom
  if (isByKey && candidates.length === 0) return false
  if (plan.custom || outlook.isIdle) await holdTables(run.source, plan)
  const begin = beginWriting(options).map((text) => CompiledQuery.raw(text))
  const stage = stageQueries(plan.load, { isRehearsal: options.dryRun })
  await target.together([...begin, ...stage, CompiledQuery.raw(setSavepoint)])
  const missing = new Set(candidates)
  const keyAt = plan.load.columns.findIndex(({ name }) => name === plan.load.key)
  const since = { low: outlook.low ?? 0, keys: [...rejectedBefore] }
  const query = (after: string | null) =>
    isByKey ? rowsOf(run, candidates, after) : rowsSince(run, since, after)
  for await (const batch of readAcross(run, (after) => readRows(run, query(after)))) {
    throwIfStopped(options.signal)
    for (const row of batch.rows) missing.delete(row[keyAt] ?? '')
    await loadBatch(run, batch)
    await target.script([clearStage, ...moveSavepoint])
    report(run, 'load', isByKey ? candidates.length : null)
  }
  // A feed still shows them, their row does not, as messages outlive their conversation for a while; or they were rejected, and are gone.
  await measure(run.tally, 'deletes', () => dropKeys(run, [...missing]))
  await settleRejects(run)
  throwIfStopped(options.signal)
  return true
}

async function findCandidates(run: Run): Promise<string[]> {
  const { source, outlook, before, edits, tally } = run
  const { low, smallTables: now } = outlook
  if (low === undefined || !now || !before || !edits) return []
  report(run, 'feeds', null)
  const feeds = changedConversations({ low, now, before, edits })
  const asked = [...holdQueries(run.plan), compile(feeds)]
  const [, rewritten = [], rows = []] = await measure(tally, 'feeds', () => source.together(asked))
  requireNotRewritten(rewritten)
  return rows.flatMap(([id]) => (id ? [id] : []))
}
