import { afterEach, beforeEach, expect, it } from 'vitest'

import { openWriter } from '../fixtures/target-writer.js'
import { openEmptySync, type SyncFixture } from '../fixtures/sync-fixture.js'

const relation = { name: 'items', key: 'id', changedAt: 'updated_at' }
const options = { relation, table: 'stored', pipeline: 'items' }

let at: SyncFixture
beforeEach(async () => {
  at = await openEmptySync()
  await at.source.query(`
    create table items (id integer primary key, amount integer, updated_at timestamptz default clock_timestamp());
    insert into items (id, amount) values (1, 10), (2, 20)`)
})
afterEach(() => at[Symbol.asyncDispose]())

const createTable = (columns: string) => at.target.query(`create table stored (${columns})`)
const stored = () => at.target.query('select id, amount from stored order by id')
const addRow = (id: number) => at.source.query('insert into items (id, amount) values ($1, $1 * 10)', [id])

it('loads under row security whose policies show and take every row', async () => {
  await createTable('id integer primary key, amount integer, updated_at timestamptz')
  await using writer = await openWriter(at.target)
  await at.target.query('alter table stored enable row level security')
  await at.target.query(`create policy everything on stored to ${writer.role} using (true) with check (true)`)
  expect(await at.sync({ ...options, target: writer.url })).toMatchObject({ rowsInserted: 2 })
  await addRow(3)
  expect(await at.sync({ ...options, target: writer.url })).toMatchObject({ rowsInserted: 1 })
  expect(await stored()).toHaveLength(3)
})

it.each([
  'create policy partly on stored using (id <> 2) with check (true)',
  'create policy partly on stored using (true) with check (id <> 2)',
  'select',
])('names row security where it keeps rows from the role: %s', async (policy) => {
  await createTable('id integer primary key, amount integer, updated_at timestamptz')
  await using writer = await openWriter(at.target)
  await at.target.query('alter table stored enable row level security')
  await at.target.query(policy)
  await expect(at.sync({ ...options, target: writer.url })).rejects.toMatchObject({
    code: 'TARGET_FORBIDDEN',
    remedy: expect.stringContaining('row security'),
  })
  expect(await stored()).toEqual([])
})
