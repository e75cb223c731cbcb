import { expect, it } from 'vitest'

import type { SyncReport } from '../../lib/domain/report.js'
import type { SyncOptions } from '../../lib/options.js'
import { openItems, type RelationFixture } from '../fixtures/relation-fixture.js'
import { withKysely } from '../fixtures/rejects-fixture.js'

const equal = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0 }
const now = 'changed_at = clock_timestamp()'
const noCase = `create collation no_case (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`

/** Leaves out the rows whose text begins with a dash. */
const transform = (row: object) => ('v' in row && String(row.v).startsWith('-') ? null : row)
const leavesOut = { transform: transform as SyncOptions['transform'] }

/**
 * The key of the target and two keys of the source that are one to it, or cannot both be there; what a run counts in which they change places.
 */
const kinds = [
  { to: 'integer primary key', pair: ['1', '+1'], swap: { rowsUpdated: 1 }, before: '' },
  { to: 'numeric primary key', pair: ['1', '01'], swap: { rowsUpdated: 1 }, before: '' },
  {
    to: 'citext primary key',
    pair: ['k7', 'K7'],
    swap: { rowsDeleted: 1, rowsUpdated: 1 },
    before: 'create extension citext',
  },
  {
    to: 'text collate no_case primary key',
    pair: ['k7', 'K7'],
    swap: { rowsDeleted: 1, rowsUpdated: 1 },
    before: noCase,
  },
  {
    to: 'text primary key, constraint no_two exclude (lower(id) with =)',
    pair: ['k7', 'K7'],
    swap: { rowsDeleted: 1, rowsInserted: 1 },
    before: '',
  },
] as const

const cases = kinds.flatMap(({ pair: [one, two], ...kind }) => [
  { ...kind, kept: one, dropped: two, options: {} },
  { ...kind, kept: two, dropped: one, options: { batchSize: 1 } },
])

/** Runs, and expects that it counts this and nothing else, that each row read is counted once, and that this is in the target. */
async function expectRun(
  at: RelationFixture,
  options: Partial<SyncOptions>,
  counts: Partial<SyncReport>,
  stored: readonly string[],
) {
  const report = await at.run({ ...leavesOut, skewAllowance: 0, ...options })
  const { rowsExtracted, rowsInserted, rowsUpdated, rowsUnchanged, rowsRejected } = report
  expect(rowsInserted + rowsUpdated + rowsUnchanged + rowsRejected).toBe(rowsExtracted)
  const none = { rowsRejected: 0, rowsInserted: 0, rowsUpdated: 0, rowsUnchanged: 0, rowsDeleted: 0 }
  expect(report).toMatchObject({ ...none, ...counts })
  expect(await at.stored('v')).toEqual(stored)
  expect(await at.rejects()).toHaveLength(rowsRejected)
}

it.each(cases)(
  'loads the row that a transform leaves of two whose keys are one ($to: $kept without $dropped)',
  async ({ to, kept, dropped, swap, before, options }) => {
    await using at = await openItems('id text primary key, v text', `id ${to}, v text`, { before })
    const full = { ...options, loadType: 'full' } as const
    await at.source.query(`insert into items values ('${kept}', 'kept'), ('${dropped}', '-'), ('3', 'c')`)
    await expectRun(at, options, { rowsInserted: 2 }, ['c', 'kept'])

    const written = () => at.target.query('select xmin::text, ctid::text from items order by id')
    const rows = await written()
    await expectRun(at, full, { rowsUnchanged: 2 }, ['c', 'kept'])
    await at.source.query(`update items set v = '-!', ${now} where id = '${dropped}'`)
    await expectRun(at, options, {}, ['c', 'kept'])
    expect(await written()).toEqual(rows)

    await at.source.query(`update items set v = 'new', ${now} where id = '${kept}'`)
    await expectRun(at, options, { rowsUpdated: 1 }, ['c', 'new'])

    const change = (was: string, other: string) =>
      at.source.query(
        `update items set v = case v when '${was}' then '-' else '${other}' end, ${now} where id <> '3'`,
      )
    await change('new', 'other')
    await expectRun(at, options, swap, ['c', 'other'])
    await change('other', 'own')
    await expectRun(at, full, { ...swap, rowsUnchanged: 1 }, ['c', 'own'])

    await at.source.query(`delete from items where id = '${dropped}'`)
    expect(await at.verify()).toMatchObject(equal)
    await expectRun(at, full, { rowsUnchanged: 2 }, ['c', 'own'])
    await at.source.query(`update items set v = '-', ${now} where id = '${kept}'`)
    await expectRun(at, options, { rowsDeleted: 1 }, ['c'])
  },
)

it('rejects but one of those that a transform leaves of several, and loads the next once that one is left out', async () => {
  await using at = await openItems('id text primary key, v text', 'id integer primary key, v text')
  await at.source.query(
    `insert into items values ('1', '-'), ('01', 'a'), ('001', 'b'), ('0001', '-'), ('2', 'c')`,
  )
  await withKysely(at.target.url, async (target) => {
    await expectRun(at, { target }, { rowsInserted: 2, rowsRejected: 1 }, ['b', 'c'])
    await expectRun(at, { target, loadType: 'full' }, { rowsUnchanged: 2, rowsRejected: 1 }, ['b', 'c'])
    await expectRun(at, { target }, { rowsRejected: 1 }, ['b', 'c'])
  })
  expect(await at.rejects()).toMatchObject([{ row_key: '01', sql_state: '21000' }])

  // The one that is rejected is left out, and no longer listed.
  await at.source.query(`update items set v = '-', ${now} where id = '01'`)
  await expectRun(at, {}, {}, ['b', 'c'])
  await at.source.query(`update items set v = 'a', ${now} where id = '01'`)
  await expectRun(at, {}, { rowsRejected: 1 }, ['b', 'c'])

  // The one that is loaded is left out, and then all of them.
  await at.source.query(`update items set v = '-', ${now} where id = '001'`)
  await expectRun(at, {}, { rowsUpdated: 1 }, ['a', 'c'])
  await at.source.query(`update items set v = '-', ${now} where id = '01'`)
  await expectRun(at, { dryRun: true }, { rowsDeleted: 1 }, ['a', 'c'])
  await expectRun(at, {}, { rowsDeleted: 1 }, ['c'])
  await expectRun(at, { loadType: 'full' }, { rowsUnchanged: 1 }, ['c'])
})

it('drops no row because of one that is left out when it resumes', async () => {
  await using at = await openItems('id text primary key, v text', 'id integer primary key, v text')
  await at.source.query(
    `insert into items values ('01', 'a'), ('02', 'b'), ('1', '-'), ('2', '-'), ('3', 'c')`,
  )
  const fails = (row: object) => {
    if ('v' in row && row.v === 'c') throw new Error('no')
    return transform(row)
  }
  const failing = { transform: fails as SyncOptions['transform'], batchSize: 1 }
  await expect(at.run(failing)).rejects.toMatchObject({ code: 'HOOK_FAILED' })
  expect(await at.stored('v')).toEqual(['a', 'b'])
  await expectRun(at, { batchSize: 1 }, { rowsInserted: 1, rowsUnchanged: 1 }, ['a', 'b', 'c'])
})
