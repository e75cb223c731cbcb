import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { SyncError } from '../../lib/domain/errors.js'
import { replicateToLake, replicateToLakes, syncConversations } from '../../lib/index.js'
import { filesIn, lakeDifferences, tableOfLake } from '../fixtures/lake-fixture.js'
import { openArena, type Arena, type Servers } from './arena.js'
import { rollDice, type Dice } from './dice.js'
import { changeSource } from './killing.js'
import { conversations } from './subject.js'
import { describeWeek, growthOf, keepHistory, runOnce, take, type Sample, type Week } from './week.js'

/** A week of runs, and two lakes beside them. */
export interface LakeMonth extends Week {
  /** Calls that brought the lakes up to date, by what became of them. */
  readonly lakes: Readonly<Record<string, number>>
  /** Of both lakes at the end. */
  readonly versions: readonly number[]
}

/** Run after run in this process, each tenth with its lakes, while connections are cut, calls are stopped and folders are gone at random. */
export async function liveALakeMonth(servers: Servers, seed: number, runs: number): Promise<LakeMonth> {
  await using arena = await openArena(servers, conversations)
  await using place = await openFolders(['one', 'other'])
  const { readerUrl: source, targetUrl: target } = arena
  await syncConversations({ source, target, keepHistory })
  for (const to of place.lakes) await replicateToLake({ target, to })
  const dice = rollDice(seed, 8)
  const outcomes: Record<string, number> = {}
  const lakes: Record<string, number> = {}
  const samples: Sample[] = []
  for (let turn = 1; turn <= runs; turn += 1) {
    if (dice.chance(0.3)) await changeSource(arena, turn)
    const outcome = await runOnce(arena, dice)
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    if (turn % 10 === 0) {
      const found = await writeOnce(arena, place, dice)
      lakes[found] = (lakes[found] ?? 0) + 1
    }
    if (turn % 200 === 0) for (const to of place.lakes) await replicateToLake({ target, to, vacuum: 0 })
    if (turn % Math.max(1, Math.floor(runs / 20)) === 0) samples.push(await take(arena, turn))
  }
  await syncConversations({ source, target, loadType: 'full', keepHistory, maxDeleteShare: 1 })
  const wrong: string[] = []
  for (const to of place.lakes) wrong.push(...(await faultsOf(arena, to)))
  const expected = /^(written|written with a warning|nothing has changed|ABORTED|TARGET_UNREACHABLE)$/
  const strange = Object.keys(lakes).filter((name) => !expected.test(name))
  const versions = await Promise.all(place.lakes.map(async (to) => (await tableOfLake(to)).version))
  const faults = [
    ...growthOf(samples, outcomes),
    ...wrong,
    ...strange.map((name) => `a lake ended with ${name}`),
  ]
  return { runs, outcomes, samples, lost: wrong.length, faults, lakes, versions }
}

/** Folders that can be gone for a while. */
async function openFolders(names: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'lake-month-'))
  return {
    lakes: names.map((name) => join(folder, name)),
    /** Puts a file into the place of the lake, and the lake back. */
    without: async (to: string, work: () => Promise<unknown>) => {
      await rename(to, `${to}.away`)
      await writeFile(to, 'no folder')
      try {
        await work()
      } finally {
        await rm(to, { recursive: true })
        await rename(`${to}.away`, to)
      }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

async function writeOnce(
  { target, targetUrl }: Arena,
  { lakes, without }: Awaited<ReturnType<typeof openFolders>>,
  dice: Dice,
): Promise<string> {
  const fault = dice.pick(['none', 'none', 'none', 'none', 'abort', 'target', 'folder', 'moment'])
  const stop = new AbortController()
  const delay = dice.between(0, 400)
  let outcome = ''
  const work = async () => {
    try {
      const { lakes: reports, warnings } = await replicateToLakes({ target: targetUrl, signal: stop.signal })
      const hasWritten = reports.some(({ committed }) => committed)
      outcome =
        warnings.length > 0 ? 'written with a warning' : hasWritten ? 'written' : 'nothing has changed'
      if (fault === 'none' && warnings.length > 0) outcome = warnings.map(({ message }) => message).join()
    } catch (error) {
      outcome = error instanceof SyncError ? error.code : String(error)
    }
  }
  const [to = ''] = lakes
  if (fault === 'folder') await without(to, work)
  else await Promise.all([work(), disturb()])
  return outcome

  async function disturb() {
    if (fault === 'none') return
    await wait(delay)
    if (fault === 'abort') stop.abort()
    if (fault === 'target')
      await target.query(
        `select pg_terminate_backend(pid)
         from pg_stat_activity
         where datname = current_database() and application_name = 'chatwoot-sync lake'`,
      )
    // What is written at this moment is gone before it is named.
    if (fault === 'moment')
      for (const name of await readdir(join(to, '.chatwoot-sync')))
        await rm(join(to, '.chatwoot-sync', name), { force: true })
  }
}

/** What is wrong with a lake once it was brought up to date for the last time. */
async function faultsOf({ target, targetUrl }: Arena, to: string): Promise<readonly string[]> {
  await replicateToLake({ target: targetUrl, to, vacuum: 0 })
  const query = async <Row>(text: string, values?: unknown[]) =>
    (await target.query(text, values)).rows as Row[]
  const differences = await lakeDifferences({ query }, to)
  const check = await replicateToLake({ target: targetUrl, to, check: true })
  const { files } = await tableOfLake(to)
  const orphans = (await filesIn(to)).filter((path) => !files.has(path))
  const staged = await readdir(join(to, '.chatwoot-sync'))
  const marks = await query<{ mark: string }>('select mark::text from etl_lake_months where lake = $1', [to])
  const found = {
    'rows differ': differences.length,
    'months differ by their checksums': check.differences?.length ?? 0,
    'files that no version names': orphans.length,
    'files were left in its folder for unfinished ones': staged.length,
    'marks are left': marks.length,
  }
  return Object.entries(found).flatMap(([what, count]) => (count > 0 ? [`${to}: ${count} ${what}`] : []))
}

export function describeLakeMonth(month: LakeMonth): string[] {
  const ended = Object.entries(month.lakes).map(([name, count]) => `${name} ${count}`)
  return [...describeWeek(month), `lakes: ${ended.join(', ')}; versions ${month.versions.join(' and ')}`]
}
