import { mkdir, rename, rm, writeFile } from 'node:fs/promises'

import { expect, it } from 'vitest'

import { replicateToLake, replicateToLakes, SyncError, unregisterLake } from '../../lib/index.js'
import { lakeDifferences, marksOf, openLake, tableOfLake } from '../fixtures/lake-fixture.js'
import { insertConversation } from '../fixtures/sync-fixture.js'
import { waitingLocks } from '../setup/database.js'
import { share } from '../setup/share.js'
import { rollDice } from '../soak/dice.js'

/** Two lakes of a table, and changes of the source that a run brings over. */
async function openTwo() {
  const at = await openLake()
  const [one, other] = [at.place.at('one'), at.place.at('other')]
  for (const to of [one, other]) await at.replicate({ to })
  const dice = rollDice(21)
  const now = `clock_timestamp() at time zone 'UTC'`
  const change = async () => {
    const month = `2026-0${dice.between(1, 6)}-1${dice.between(0, 9)}`
    if (dice.chance(0.3)) await insertConversation(at.source, { created_at: month, updated_at: new Date() })
    if (dice.chance(0.1))
      await at.source.query('delete from conversations where id = (select max(id) from conversations)')
    await at.source.query(
      `update conversations set status = (status + 1) % 4, updated_at = ${now} where id % 3 = $1`,
      [dice.between(0, 2)],
    )
    return await at.sync({ loadType: dice.chance(0.2) ? 'full' : 'incremental', maxDeleteShare: 1 })
  }
  const expectEqual = async (...lakes: readonly string[]) => {
    for (const to of lakes) {
      expect(await lakeDifferences(at.target, to)).toEqual([])
      expect(await marksOf(at.target, to)).toEqual([])
      expect((await at.replicate({ to, check: true })).differences).toEqual([])
      const { files } = await tableOfLake(to)
      expect(await at.files(to)).toEqual([...files.keys()].sort())
    }
  }
  return Object.assign(at, { one, other, change, expectEqual })
}

it('of two lakes one is down for many runs: the other stays equal, and in the end both are', async () => {
  await using at = await openTwo()
  const target = at.target.url
  const away = at.place.at('away')
  await rename(at.other, away)
  await writeFile(at.other, 'no folder')
  const runs = share(3, 50)
  for (let run = 1; run <= runs; run += 1) {
    const { executionId } = await at.change()
    const { lakes, warnings } = await replicateToLakes({ target, executionId })
    expect(lakes).toMatchObject([{ lake: at.one }])
    expect(warnings).toMatchObject([{ code: 'LAKE_FAILED', message: expect.stringContaining(at.other) }])
    expect(await lakeDifferences(at.target, at.one)).toEqual([])
  }
  const marks = await at.target.query('select month from etl_lake_months where lake = $1', [at.other])
  // Those of the last run, and the newest of each month before.
  expect(marks.length).toBeLessThan(40)
  await rm(at.other)
  await rename(away, at.other)
  await at.change()
  expect(await replicateToLakes({ target })).toMatchObject({
    lakes: [{ lake: at.one }, { lake: at.other }],
    warnings: [],
  })
  for (const to of [at.one, at.other]) await at.replicate({ to, vacuum: 0 })
  await at.expectEqual(at.one, at.other)
})

it('a lake that comes back empty is written whole', async () => {
  await using at = await openTwo()
  await rm(at.other, { recursive: true })
  await mkdir(at.other)
  await at.change()
  expect(await replicateToLakes({ target: at.target.url })).toMatchObject({ warnings: [] })
  expect(await at.replicate({ to: at.one, vacuum: 0 })).toMatchObject({ committed: false })
  await at.expectEqual(at.one, at.other)
})

it('two lakes are written at once, with runs beside them', async () => {
  await using at = await openTwo()
  for (let round = 0; round < share(2, 30); round += 1) {
    await at.change()
    const [, , ...results] = await Promise.all([
      // Of two runs at once one may find the other.
      at.change().catch(() => undefined),
      at.change().catch(() => undefined),
      ...[at.one, at.other, at.one].map((to) =>
        replicateToLake({ target: at.target.url, to }).then(
          () => 'written',
          (error: unknown) => (error instanceof SyncError ? error.code : error),
        ),
      ),
    ])
    expect(results.filter((result) => result !== 'written' && result !== 'LOCKED')).toEqual([])
  }
  for (const to of [at.one, at.other]) await at.replicate({ to, vacuum: 0 })
  await at.expectEqual(at.one, at.other)
})

it('lakes of a table that are ended at the same time all end', async () => {
  await using at = await openLake()
  const lakes = Array.from({ length: 6 }, (_, index) => at.place.at(`lake-${index}`))
  for (const to of lakes) await at.replicate({ to })
  const ended = await Promise.all(lakes.map((to) => unregisterLake({ target: at.target.url, to })))
  expect(ended).toEqual(lakes.map(() => true))
  const left = `select 1 from pg_trigger where tgrelid = 'conversas_analytics'::regclass`
  expect(await at.target.query(left)).toEqual([])
})

it('a run between the snapshot and the commit of a version is in the next one', async () => {
  await using at = await openTwo()
  // A full load also takes back what was changed by hand.
  const later = { incremental: ['2026-01', '2026-03'], full: ['2026-01', '2026-02', '2026-03'] }
  for (const loadType of ['incremental', 'full'] as const) {
    await at.target.query(
      `update conversas_analytics set contact_name = '${loadType}' where conversation_id in (1, 3)`,
    )
    const client = await at.target.pool.connect()
    await client.query('begin; lock table etl_lake_versions in access exclusive mode')
    const writing = at.replicate({ to: at.one })
    await expect.poll(() => at.target.query(waitingLocks)).toHaveLength(1)
    await at.source.query(
      `update conversations set status = (status + 1) % 4, updated_at = clock_timestamp() at time zone 'UTC' where id in (1, 4)`,
    )
    await at.sync({ loadType })
    await client.query('commit')
    client.release()
    const { version, months } = await writing
    expect(months).toEqual(['2026-01', '2026-02'])
    expect(await marksOf(at.target, at.one)).toEqual(later[loadType])
    expect(await lakeDifferences(at.target, at.one)).not.toEqual([])
    expect(await at.replicate({ to: at.one, vacuum: 0 })).toMatchObject({
      version: (version ?? 0) + 1,
      months: later[loadType],
    })
    await at.expectEqual(at.one)
  }
})
