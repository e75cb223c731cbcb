import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { SyncOptions } from '../../lib/index.js'
import { openEmptySync, type SyncFixture } from '../fixtures/sync-fixture.js'

let at: SyncFixture
beforeEach(async () => {
  at = await openEmptySync()
  await at.source.query(`
    create table items (id integer primary key, amount integer, updated_at timestamptz default clock_timestamp());
    insert into items (id, amount) values (1, 10), (2, 0)`)
  await at.target.query(
    'create table stored (id integer primary key, amount integer, updated_at timestamptz)',
  )
})
afterEach(() => at[Symbol.asyncDispose]())

const failure = async (relation = 'items', more: Partial<SyncOptions> = {}) => {
  const options = {
    relation: { name: relation, key: 'id', changedAt: 'updated_at' },
    table: 'stored',
    pipeline: 'p',
  }
  const error: unknown = await at.sync({ ...options, ...more }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error
}

describe('what a server rejects is said with what to do', () => {
  it('of a materialized view that was never filled (55000)', async () => {
    await at.source.query('create materialized view empty_items as select * from items with no data')
    expect(await failure('empty_items')).toMatchObject({
      code: 'SOURCE_FAILED',
      details: { sqlState: '55000' },
      message: expect.stringContaining('a materialized view that was never filled'),
      remedy: expect.stringContaining('refresh materialized view'),
    })
  })

  it('of a view whose expression fails for a row (22012)', async () => {
    await at.source.query('create view shares as select id, 100 / amount as amount, updated_at from items')
    expect(await failure('shares')).toMatchObject({
      code: 'SOURCE_FAILED',
      details: { sqlState: '22012' },
      remedy: expect.stringContaining('returns NULL for such values'),
    })
  })

  it('of a view whose function raises an error (P0001)', async () => {
    await at.source.query(`
      create function raising(amount integer) returns integer language plpgsql as
        $$ begin raise exception 'no'; end $$;
      create view raised as select id, raising(amount) as amount, updated_at from items`)
    expect(await failure('raised')).toMatchObject({
      code: 'SOURCE_FAILED',
      remedy: expect.stringContaining('Correct the function'),
    })
  })

  it('of a rule on the table (0A000)', async () => {
    await failure()
    await at.target.query('create rule quiet as on update to stored do also nothing')
    await at.source.query('update items set amount = 1, updated_at = clock_timestamp()')
    expect(await failure()).toMatchObject({
      code: 'TARGET_FAILED',
      details: { sqlState: '0A000' },
      remedy: expect.stringContaining('chatwoot-sync doctor says which'),
    })
  })

  it('of a table that is published without a replica identity (55000)', async () => {
    await at.target.query(
      'alter table stored replica identity nothing; create publication everything for table stored',
    )
    await failure()
    await at.source.query('update items set amount = 1, updated_at = clock_timestamp()')
    expect(await failure()).toMatchObject({
      code: 'TARGET_FAILED',
      details: { sqlState: '55000' },
      remedy: expect.stringContaining('replica identity using index'),
    })
  })
})
