import pg from 'pg'

import { countText, durationText } from '../../lib/domain/quantity-text.js'
import {
  migrate,
  syncConversations,
  verifyConversations,
  type SyncOptions,
  type SyncReport,
} from '../../lib/index.js'
import { showReport } from './show-report.js'
import { createChatwootSource, grantReader, liveADay, type Day, type Reader } from './chatwoot-source.js'

/** The databases of the demo, and its options. */
export interface DemoSetup {
  /** URL of the empty source database as its owner, for creating the Chatwoot and its day. */
  readonly owner: string
  readonly reader: Reader
  /** URL of the same database as the reader, for everything else. */
  readonly source: string
  readonly target: string
  readonly conversations: number
  readonly seed: number
  readonly signal: AbortSignal
  readonly print: (text: string) => void
}

/** Shows a first load, a day of changes and a final comparison. Returns the number of counts that differ from what is expected. */
export async function showDemo(setup: DemoSetup): Promise<number> {
  const { print, target, signal } = setup
  await createSource(setup)
  signal.throwIfAborted()
  print('\nPreparing the target ...')
  const { applied } = await migrate({ target, signal })
  print(`  ${applied.length} migrations applied`)
  const differences = [
    await showFirstLoad(setup),
    await showSecondRun(setup),
    await showDay(setup),
    await compare(setup),
  ].reduce((sum, count) => sum + count)
  print(differences === 0 ? '\nAll counts are as expected.' : `\nCounts not as expected: ${differences}.`)
  await showReport(target, print)
  print(nextSteps)
  return differences
}

async function createSource({ owner, reader, conversations, seed, print }: DemoSetup): Promise<void> {
  const began = performance.now()
  print(`\nCreating a Chatwoot database with ${countText(conversations)} conversations ...`)
  await createChatwootSource(owner, { conversations, seed })
  await grantReader(owner, reader)
  print(`  done in ${since(began)}; read as ${reader.user}, with SELECT rights only`)
}

async function showFirstLoad(setup: DemoSetup): Promise<number> {
  setup.print('\nFirst run: a full load ...')
  const report = await sync(setup)
  setup.print(`  ${phasesText(report)}`)
  return (
    differs(setup, 'read', report.rowsExtracted, setup.conversations) +
    differs(setup, 'inserted', report.rowsInserted, setup.conversations)
  )
}

async function showSecondRun(setup: DemoSetup): Promise<number> {
  setup.print('\nSecond run: nothing has changed ...')
  const { rowsInserted, rowsUpdated, rowsDeleted } = await sync(setup)
  return differs(setup, 'written', rowsInserted + rowsUpdated + rowsDeleted, 0)
}

/** The third run must find every change with a timestamp; the fourth, a full one, the rest: silent changes and most deletes. */
async function showDay(setup: DemoSetup): Promise<number> {
  const { print, owner, seed, signal } = setup
  print('\nSimulating a day in this Chatwoot ...')
  const day = await liveADay(owner, { seed, silent: true })
  signal.throwIfAborted()
  printDay(day, print)
  const third = await showThirdRun(setup, day)
  print('\nFourth run: a full load, for silent changes and deletes ...')
  const fourth = await sync({ ...setup, loadType: 'full' })
  return (
    third.differences +
    differs(setup, 'inserted', fourth.rowsInserted, 0) +
    differs(setup, 'updated', fourth.rowsUpdated, day.silent.length - third.silentFound) +
    differs(setup, 'soft-deleted', fourth.rowsDeleted, day.deleted.length - third.deletesFound)
  )
}

async function showThirdRun(setup: DemoSetup, { inserted, updated, deleted, silent }: Day) {
  const { print, target } = setup
  print('\nThird run: incremental ...')
  const report = await sync(setup)
  const { rowsInserted, rowsUpdated, rowsExtracted, rowsDeleted: deletesFound } = report
  const written = await writtenSince(target, report.startedAt)
  // Each run reads the newest conversations, whatever their timestamps.
  const silentFound = silent.filter((id) => written.has(id)).length
  const missed = updated.filter((id) => !written.has(id)).length
  const differences =
    differs(setup, 'inserted', rowsInserted, inserted.length) +
    differs(setup, 'updated', rowsUpdated - silentFound, updated.length) +
    differs(setup, 'missed', missed, 0)
  print(`  rows read for this: ${countText(rowsExtracted)}`)
  if (silentFound > 0) print(`  silent changes found anyway: ${silentFound}`)
  print(`  deletes found: ${deletesFound} of ${deleted.length}; a delete leaves no timestamp`)
  return { differences, silentFound, deletesFound }
}

/** Ids of the conversations whose rows were written since that time, by the clock of the target. */
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

function printDay({ inserted, updated, deleted, silent, events }: Day, print: DemoSetup['print']): void {
  const happened = Object.entries(events).filter(([, count]) => count > 0)
  const total = happened.reduce((sum, [, count]) => sum + count, 0)
  print(`  ${countText(total)} events of ${happened.length} kinds`)
  print(`  conversations: ${inserted.length} new, ${updated.length} changed,`)
  print(`  ${silent.length} silently changed (no timestamp updated), ${deleted.length} deleted`)
}

/** Nothing should be pending at the end, so rows that the next run would read count as differences too. */
async function compare(setup: DemoSetup): Promise<number> {
  const { source, target, signal, print } = setup
  print('\nComparing source and target by fingerprints ...')
  const report = await verifyConversations({ source, target, signal })
  const { rowsMissing, rowsStale, rowsExtra, rowsPending, rowsCompared, durationSeconds } = report
  print(`  done in ${durationText(durationSeconds)}`)
  print(`  rows compared: ${countText(rowsCompared)}`)
  return differs(setup, 'differences', rowsMissing + rowsStale + rowsExtra + rowsPending, 0)
}

async function sync(setup: DemoSetup & Pick<SyncOptions, 'loadType'>): Promise<SyncReport> {
  const { source, target, signal, loadType } = setup
  const report = await syncConversations({ source, target, signal, loadType })
  setup.print(`  done in ${durationText(report.durationSeconds ?? 0)}`)
  return report
}

/** Prints a count; returns 1 when it differs from the expected one, else 0. */
function differs({ print }: DemoSetup, what: string, found: number, expected: number): 0 | 1 {
  if (found === expected) {
    print(`  ${what}: ${countText(found)}, as expected`)
    return 0
  }
  print(`  ${what}: ${countText(found)}, BUT ${countText(expected)} WERE EXPECTED`)
  return 1
}

/** In the order in which they happen. */
function phasesText({ phases }: SyncReport): string {
  const { connect, probe, feeds, extract, transform, load, deletes } = phases
  return Object.entries({ connect, probe, feeds, extract, transform, load, deletes })
    .flatMap(([phase, time = 0]) => (time < 0.5 ? [] : [`${phase} ${time.toFixed(0)} ms`]))
    .join(', ')
}

function since(began: number): string {
  return durationText((performance.now() - began) / 1000)
}

const nextSteps = `
With your own Chatwoot:
  1. create a read-only role in its database: README,
     "A real Chatwoot in five minutes"
  2. cp .env.example .env && chmod 600 .env
     and fill it in
  3. npm run build, if this is a clone
  4. npx chatwoot-sync doctor
  5. npx chatwoot-sync migrate
  6. npx chatwoot-sync sync
  7. npx chatwoot-sync verify
  8. npx chatwoot-sync report --help`
