import pg from 'pg'

import { createChatwootSource, grantReader, liveADay, type Day, type Reader } from './chatwoot-source.js'
import {
  migrate,
  syncConversations,
  verifyConversations,
  type SyncOptions,
  type SyncReport,
} from '../../lib/index.js'
import { countText, durationText } from '../output/number-text.js'

/** Where the demo plays, and with what. */
export interface DemoStage {
  /** URL of the empty source database as its owner: only the demo's own day writes there. */
  readonly owner: string
  readonly reader: Reader
  /** URL of the same as the reader, under whom everything is read. */
  readonly source: string
  readonly target: string
  readonly conversations: number
  readonly seed: number
  readonly signal: AbortSignal
  readonly tell: (text: string) => void
}

/** Shows a first load, a day of changes, and that the target has them all in the end. Gives the number of counts that are not as expected. */
export async function showDemo(stage: DemoStage): Promise<number> {
  const { tell, target, signal } = stage
  await createSource(stage)
  signal.throwIfAborted()
  tell('\nPreparing the target ...')
  const { applied } = await migrate({ target, signal })
  tell(`  ${applied.length} migrations applied`)
  const differences = [
    await showFirstLoad(stage),
    await showSecondRun(stage),
    await showDay(stage),
    await compare(stage),
  ].reduce((sum, count) => sum + count)
  tell(differences === 0 ? '\nEverything is as it should be.' : `\nCounts that differ: ${differences}.`)
  tell(howToGoOn)
  return differences
}

async function createSource({ owner, reader, conversations, seed, tell }: DemoStage): Promise<void> {
  const began = performance.now()
  tell(`\nCreating a Chatwoot with ${countText(conversations)} conversations ...`)
  await createChatwootSource(owner, { conversations, seed })
  await grantReader(owner, reader)
  tell(`  done in ${since(began)}; it is read as ${reader.user}, who may only SELECT`)
}

async function showFirstLoad(stage: DemoStage): Promise<number> {
  stage.tell('\nFirst run: a full load ...')
  const report = await sync(stage)
  stage.tell(`  ${phasesText(report)}`)
  return (
    differs(stage, 'read', report.rowsExtracted, stage.conversations) +
    differs(stage, 'inserted', report.rowsInserted, stage.conversations)
  )
}

async function showSecondRun(stage: DemoStage): Promise<number> {
  stage.tell('\nSecond run right after: nothing has changed ...')
  const { rowsInserted, rowsUpdated, rowsDeleted } = await sync(stage)
  return differs(stage, 'written', rowsInserted + rowsUpdated + rowsDeleted, 0)
}

/** What no stamp tells of, only a full run finds for sure; the same goes for most deletes. */
async function showDay(stage: DemoStage): Promise<number> {
  const { tell, owner, seed, signal } = stage
  tell('\nA day in the life of this Chatwoot ...')
  const day = await liveADay(owner, { seed, silent: true })
  signal.throwIfAborted()
  tellDay(day, tell)
  tell('\nThird run: incremental ...')
  const third = await sync(stage)
  const written = await writtenSince(stage.target, third.startedAt)
  // The newest conversations are read by each run, whatever their stamps say.
  const byChance = day.silent.filter((id) => written.has(id)).length
  const missed = day.updated.filter((id) => !written.has(id)).length
  const stamped =
    differs(stage, 'inserted', third.rowsInserted, day.inserted.length) +
    differs(stage, 'updated', third.rowsUpdated - byChance, day.updated.length) +
    differs(stage, 'missed', missed, 0)
  tell(`  read for that: ${countText(third.rowsExtracted)} rows`)
  if (byChance > 0) tell(`  found by chance, without a stamp: ${byChance}`)
  tell(`  deletes seen: ${third.rowsDeleted} of ${day.deleted.length}; a deleted row leaves no stamp`)
  tell('\nFourth run: full, for what left no trace ...')
  const fourth = await sync({ ...stage, loadType: 'full' })
  const gone = day.deleted.length - third.rowsDeleted
  return (
    stamped +
    differs(stage, 'inserted', fourth.rowsInserted, 0) +
    differs(stage, 'updated', fourth.rowsUpdated, day.silent.length - byChance) +
    differs(stage, 'marked deleted', fourth.rowsDeleted, gone)
  )
}

/** Ids of the conversations whose rows were written from that time of the target on. */
async function writtenSince(target: string, time: string): Promise<ReadonlySet<number>> {
  const client = new pg.Client(target)
  await client.connect()
  try {
    const { rows } = await client.query<{ id: number }>(
      'select conversation_id as id from conversas_analytics where etl_updated_at >= $1::timestamptz',
      [time],
    )
    return new Set(rows.map(({ id }) => id))
  } finally {
    await client.end()
  }
}

function tellDay({ inserted, updated, deleted, silent, events }: Day, tell: DemoStage['tell']): void {
  const happened = Object.entries(events).filter(([, count]) => count > 0)
  tell(`  ${happened.length} kinds of events, ${countText(sumOf(happened.map(([, count]) => count)))} in all`)
  tell(`  conversations: ${inserted.length} new, ${updated.length} changed,`)
  tell(`  ${silent.length} changed without a stamp, ${deleted.length} deleted`)
}

/** Nothing is pending in the end, so that rows which the next run would read count as well. */
async function compare(stage: DemoStage): Promise<number> {
  const { source, target, signal, tell } = stage
  tell('\nComparing source and target, by fingerprints ...')
  const report = await verifyConversations({ source, target, signal })
  const { rowsMissing, rowsStale, rowsExtra, rowsPending, rowsCompared, durationSeconds } = report
  tell(`  done in ${durationText(durationSeconds)}`)
  tell(`  rows compared: ${countText(rowsCompared)}`)
  return differs(stage, 'differences', rowsMissing + rowsStale + rowsExtra + rowsPending, 0)
}

async function sync(stage: DemoStage & Pick<SyncOptions, 'loadType'>): Promise<SyncReport> {
  const { source, target, signal, loadType } = stage
  const report = await syncConversations({ source, target, signal, loadType })
  stage.tell(`  done in ${durationText(report.durationSeconds ?? 0)}`)
  return report
}

/** Says how a count came out; 1 when it is another one than expected. */
function differs({ tell }: DemoStage, what: string, found: number, expected: number): 0 | 1 {
  if (found === expected) {
    tell(`  ${what}: ${countText(found)}, as expected`)
    return 0
  }
  tell(`  ${what}: ${countText(found)}, BUT ${countText(expected)} WERE EXPECTED`)
  return 1
}

function phasesText({ phases }: SyncReport): string {
  const known = Object.entries(phases).filter(([, milliseconds]) => milliseconds >= 0.5)
  return known.map(([phase, milliseconds]) => `${phase} ${milliseconds.toFixed(0)} ms`).join(', ')
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

function since(began: number): string {
  return durationText((performance.now() - began) / 1000)
}

const howToGoOn = `
With your own Chatwoot:
  1. let its database have a role that may only read:
     README, "A real Chatwoot in five minutes"
  2. cp .env.example .env && chmod 600 .env
     and fill it in
  3. npm run build, if this is a clone
  4. npx chatwoot-sync doctor
  5. npx chatwoot-sync migrate
  6. npx chatwoot-sync sync
  7. npx chatwoot-sync verify`
