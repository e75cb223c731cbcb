import { SyncError } from '../domain/errors.js'
import { isOtherSource, isSameServer } from '../domain/horizon.js'
import { makePlan } from '../pipeline/prepare/baseline.js'
import { tablesRead } from '../pipeline/prepare/plan.js'
import { lookAtSource, openSnapshot, otherServer, shownIn } from '../pipeline/prepare/snapshot.js'
import { identitiesRead } from '../pipeline/prepare/state.js'
import { changesBetween, schemaChanged } from '../postgres/driver/catalog.js'
import { redefinedRelation } from '../postgres/source/relation-identity.js'
import { lockTables } from '../postgres/source/relation-identity.js'
import type { Run } from './run.js'

/**
 * Continues a run under a new snapshot. Throws SCHEMA_CHANGED, SOURCE_IDENTITY_CHANGED or STANDBY_BEHIND where the source is no longer what
 * the run started with.
 */
export async function renewSnapshot(
  run: Pick<Run, 'source' | 'baseline' | 'options' | 'tally' | 'attempts'>,
): Promise<void> {
  const { source, baseline, options, tally, attempts } = run
  const { plan, opened } = baseline
  await source.reconnect()
  const { facts, probe, relations } = await lookAtSource(source, options)
  const { shapes } = makePlan(facts, plan.load.table, options)
  const changes = changesBetween(plan.shapes.source, shapes.source)
  if (changes.length > 0) throw schemaChanged('source', changes)
  const replaced = redefinedRelation(baseline.identities.relations, identitiesRead(plan, relations))
  if (replaced) throw schemaChanged('source', [replaced])
  if (opened.horizon && isOtherSource(opened.horizon, probe)) throw otherServer()
  if (!isSameServer(opened.probe, probe)) throw otherServer()
  const { snapshot } = await openSnapshot(source, probe, { ...options, reading: shownIn(plan) })
  if (snapshot.next < opened.snapshot.next) throw behind()
  await lockTables(source, tablesRead(plan))
  tally.snapshots += 1
  const { executionId } = attempts
  const { rowsExtracted } = tally.counts
  options.logger?.info('Continued under a new snapshot', { executionId, rowsExtracted })
}

function behind(): SyncError {
  return new SyncError(
    'STANDBY_BEHIND',
    'The server that responds now is behind the one that the run started with.',
    { remedy: 'Wait until it has caught up, or read the primary.' },
  )
}
