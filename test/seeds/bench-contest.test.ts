import { randomBytes } from 'node:crypto'

import { expect, it } from 'vitest'

import { compete } from '../bench/contest.js'
import { createPair } from '../bench/database.js'
import { openTable, wide, type TablePair } from '../bench/data-tables.js'
import { empty, ourLoad, rivalLoad } from '../bench/loading.js'
import { limit, type Rival } from '../bench/rivals.js'
import { startWorker } from '../bench/worker.js'
import { sourceServer, targetServer } from '../setup/database.js'

it.each([
  ['one value differs', `update bench_table set t5 = 'x' where id = 7`],
  ['a row is missing', 'delete from bench_table where id = 7'],
])('counts no time when %s', async (_, damage) => {
  await using pair = await openWide()
  const careless: Rival = async (ends, data, table) => {
    await limit(ends, data, table)
    await pair.target.query(damage)
  }

  const contest = (rival: Rival) =>
    compete({ rival: rivalLoad('rival', rival, pair, empty, 'bench_table') }, 1, () => undefined)

  await expect(contest(careless)).rejects.toThrow('bench_table: the target is not equal to the source.')
  expect((await contest(limit)).rival).toMatchObject({ rows: 50, samples: [expect.any(Number)] })
})

it('counts no time of a run that has written more than there was to write', async () => {
  await using pair = await openWide()
  await using worker = await startWorker()
  const start = { ...empty, counts: () => ({ rowsInserted: 0 }) }

  const contest = compete({ ours: ourLoad(worker, pair, start, 'bench_table') }, 1, () => undefined)

  await expect(contest).rejects.toThrow('(rowsInserted is 50, not 0)')
})

/** On the servers of the tests, by a name of its own. */
async function openWide(): Promise<TablePair> {
  const at = (url: string) => ({
    url: (database?: string) => Object.assign(new URL(url), { pathname: `/${database ?? 'postgres'}` }).href,
  })
  const name = `bench_${randomBytes(6).toString('hex')}`
  return openTable(await createPair(at(sourceServer()), at(targetServer()), name), wide(50))
}
