import { isDeepStrictEqual } from 'node:util'

import fc from 'fast-check'
import { expect, it } from 'vitest'

import type { SyncOptions } from '../../lib/options.js'
import { openItems, type RelationFixture } from '../fixtures/relation-fixture.js'
import { readTexts } from '../fixtures/sync-fixture.js'
import { share } from '../setup/share.js'

/** What happens to the rows of the source before a run. */
type Step =
  | { readonly does: 'rotate' | 'delete' | 'respell' | 'touch' | 'empty'; readonly keys: readonly number[] }
  | { readonly does: 'add'; readonly keys: readonly number[]; readonly place: number }

const largest = 12
const number = fc.integer({ min: 1, max: largest })
const keys = fc.uniqueArray(number, { minLength: 1, maxLength: 6 })
const steps = fc.array(
  fc.oneof(
    fc.record({ does: fc.constantFrom('rotate', 'delete', 'respell', 'touch', 'empty'), keys }),
    fc.record({ does: fc.constant('add' as const), keys, place: number }),
  ),
  { minLength: 1, maxLength: 5 },
)
const way = fc.record({
  batchSize: fc.constantFrom(1, 3, 100),
  extractor: fc.constantFrom('copy' as const, 'cursor' as const),
  does: fc.constantFrom('incremental' as const, 'full' as const, 'repair' as const),
})
const rounds = fc.array(fc.record({ steps, way }), { minLength: 1, maxLength: 5 })

interface Way {
  readonly does: 'incremental' | 'full' | 'repair'
  readonly batchSize: number
  readonly extractor: 'copy' | 'cursor'
}

interface Item {
  readonly id: string
  place: number | null
  value: number
  isChanged: boolean
}

/** Rows by the number in their key. With `isUnique`, no two have one place. */
function play(items: Map<number, Item>, all: readonly Step[], { isUnique }: { isUnique: boolean }): void {
  const isFree = (place: number) => !isUnique || [...items.values()].every((item) => item.place !== place)
  const change = (key: number, by: Partial<Item>) => {
    const item = items.get(key)
    if (item) items.set(key, { ...item, ...by, isChanged: true })
  }
  for (const step of all) {
    const present = step.keys.filter((key) => items.has(key))
    const before = present.map((key) => items.get(key)?.place ?? null)
    for (const [at, key] of step.keys.entries()) {
      const item = items.get(key)
      if (step.does === 'add') {
        const place = step.place + at
        if (!item && isFree(place)) items.set(key, { id: `k${key}`, place, value: 0, isChanged: true })
      } else if (step.does === 'delete') items.delete(key)
      else if (step.does === 'touch') change(key, { value: (item?.value ?? 0) + 1 })
      else if (step.does === 'empty') change(key, { place: null })
      else if (step.does === 'respell') change(key, { id: item?.id === `k${key}` ? `K${key}` : `k${key}` })
    }
    if (step.does === 'rotate') {
      for (const [at, key] of present.entries()) {
        change(key, { place: before[(at + 1) % present.length] ?? null })
      }
    }
  }
}

/** A repair is for what no stamp shows: the next run will read the rest. */
async function write({ source }: RelationFixture, items: Map<number, Item>, { does }: Way): Promise<void> {
  const stamp = does === 'repair' ? `timestamptz '2026-01-01'` : 'clock_timestamp()'
  const all = JSON.stringify([...items.values()])
  const listed = `json_to_recordset($1::json) as i (id text, place integer, value integer, "isChanged" boolean)`
  await source.query(`delete from items where id not in (select i.id from ${listed})`, [all])
  await source.query(
    `insert into items (id, place, value, changed_at)
     select id, place, value, ${stamp} from ${listed} where "isChanged"
     on conflict (id) do update set place = excluded.place, value = excluded.value, changed_at = excluded.changed_at`,
    [all],
  )
  for (const item of items.values()) item.isChanged = false
}

async function run(
  at: RelationFixture,
  { does, batchSize, extractor }: Way,
  pipeline: string,
): Promise<void> {
  const options: Partial<SyncOptions> = { pipeline, batchSize, extractor, skewAllowance: 0 }
  if (does === 'repair') await at.verify({ pipeline, repair: true })
  else await at.run(does === 'full' ? { ...options, loadType: 'full' } : options)
}

const contentOf = (database: RelationFixture['source'], condition: string) =>
  readTexts(database, `select id, place, value from items where ${condition} order by id`)

it.each([
  { isUnique: true, to: 'place integer unique' },
  { isUnique: false, to: 'place integer unique' },
])(
  'after random changes of unique values the target holds what is possible (%j)',
  async ({ isUnique, to }) => {
    await using at = await openItems(
      'id text primary key, place integer, value integer',
      `id citext primary key, ${to}, value integer`,
      { before: 'create extension if not exists citext' },
    )
    let example = 0
    await fc.assert(
      fc.asyncProperty(rounds, async (all) => {
        example += 1
        const pipeline = `example ${example}`
        await at.source.query('truncate items')
        await at.target.query('truncate items')
        const items = new Map<number, Item>()
        for (const { steps: some, way: how } of all) {
          play(items, some, { isUnique })
          await write(at, items, how)
          await run(at, how, pipeline)
          await expectWhatIsPossible(at, pipeline, { isUnique, isWhole: how.does !== 'incremental' })
        }
      }),
      { numRuns: share(4, 150), endOnFailure: true },
    )
  },
)

async function expectWhatIsPossible(
  at: RelationFixture,
  pipeline: string,
  { isUnique, isWhole }: { isUnique: boolean; isWhole: boolean },
): Promise<void> {
  const rejects = await at.target.query<{ row_key: string; sql_state: string }>(
    'select row_key, sql_state from etl_rejects where pipeline = $1 order by row_key',
    [pipeline],
  )
  const rejected = new Set(rejects.map(({ row_key: key }) => key))
  const here = await contentOf(at.source, 'true')
  const there = await contentOf(at.target, 'deleted_at is null')
  const stored = new Map(there.map((row) => [row[0], row]))
  for (const row of here) if (!rejected.has(row[0] ?? '')) expect(stored.get(row[0] ?? null)).toEqual(row)
  const existing = new Set(here.map(([id]) => id))
  // What an incremental run itself soft-deletes at its end is free for the next one.
  const held = isWhole ? there : await contentOf(at.target, 'true')
  // Of a rejected row the older version stays, in the spelling that its key had.
  const older = new Set([...rejected].map((key) => key.toLowerCase()))
  const isExtra = ([id]: (string | null)[]) =>
    !existing.has(id ?? null) && !older.has(id?.toLowerCase() ?? '')
  if (isWhole) expect(there.filter(isExtra)).toEqual([])
  if (isWhole && isUnique) expect(rejects).toEqual([])
  for (const key of rejected) {
    const row = here.find(([id]) => id === key)
    // The entry of a row that is gone, or that the source changed back to what the target holds, stays until the next run.
    if (!row || isDeepStrictEqual(stored.get(key), row)) continue
    const [, wanted] = row
    const holders = held.filter(([id, place]) => id !== key && place === wanted)
    expect(holders, `${key} was rejected, and nothing holds ${wanted ?? 'its place'}`).not.toEqual([])
  }
}
