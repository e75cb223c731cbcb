import pg from 'pg'
import { expect, it, vi } from 'vitest'

import { verifyConversations } from '../lib/index.js'
import { syncConversations } from '../lib/sync.js'
import { cloneDatabase } from './setup/database.js'
import { openSync } from './sync-fixture.js'

const relation = { name: 'products', key: 'code', changedAt: 'changed_at' }

/** A table whose key is a text that sorts differently on servers of different locales. */
async function openProducts() {
  const [source, target] = await Promise.all([cloneDatabase('source', 'template0'), cloneDatabase('target')])
  await source.query(`
    create table products (code text primary key, price numeric, tags text[], changed_at timestamptz);
    insert into products
    select case when i % 2 = 0 then 'é' else 'Z' end || i, i / 3.0, array['a', i::text], now() - i * interval '1 hour'
    from generate_series(1, 3000) i`)
  await target.query(
    'create table products (code text primary key, price numeric, tags text[], changed_at timestamptz, deleted_at timestamptz)',
  )
  const options = {
    source: source.url,
    target: target.url,
    relation,
    table: 'products',
    pipeline: 'products',
  }
  await syncConversations(options)
  return {
    source,
    target,
    options,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([source[Symbol.asyncDispose](), target[Symbol.asyncDispose]()])
    },
  }
}

it('compares a relation whose key is a text', async () => {
  await using at = await openProducts()
  await at.target.query(`update products set price = price + 0.001 where code = 'é1000'`)
  await at.target.query(`delete from products where code in ('Z1', 'é2')`)
  await at.target.query(`insert into products (code) values ('ghost')`)

  const report = await verifyConversations({ ...at.options, repair: true })

  expect(report).toMatchObject({
    pipeline: 'products',
    rowsCompared: 3000,
    rowsMissing: 2,
    rowsStale: 1,
    rowsExtra: 1,
    rowsSilent: 2,
    rowsRepaired: 4,
    differingColumns: { price: 1 },
  })
  expect([...report.differingKeys].sort()).toEqual(['Z1', 'ghost', 'é1000', 'é2'].sort())
  const next = await verifyConversations(at.options)
  expect(next).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsPending: 0 })
  const sample = await verifyConversations({ ...at.options, sample: 0.1 })
  expect(sample.rowsCompared).toBeGreaterThan(0)
  expect(sample.rowsCompared).toBeLessThan(3000)
})

it('counts a row without a stamp as pending, as every run reads it', async () => {
  await using at = await openProducts()
  await at.source.query(`update products set price = 1, changed_at = null where code = 'Z5'`)

  const { rowsPending, rowsStale } = await verifyConversations(at.options)

  expect({ rowsPending, rowsStale }).toEqual({ rowsPending: 1, rowsStale: 0 })
  expect(await syncConversations(at.options)).toMatchObject({ rowsUpdated: 1 })
})

it('is refused while a run is at work, and refuses a run meanwhile', async () => {
  await using at = await openSync()
  const options = { source: at.source.url, target: at.target.url }
  const blocker = new pg.Client(at.source.url)
  await blocker.connect()
  const waits = async () => {
    const waiting = await at.source.query('select from pg_locks where not granted')
    expect(waiting).not.toEqual([])
  }
  await blocker.query('begin; lock table users in access exclusive mode')
  const run = syncConversations(options)
  await vi.waitFor(waits)
  await expect(verifyConversations(options)).rejects.toMatchObject({ code: 'LOCKED' })
  await blocker.query('commit')
  expect(await run).toMatchObject({ status: 'success' })

  await blocker.query('begin; lock table users in access exclusive mode')
  const comparison = verifyConversations(options)
  await vi.waitFor(waits)
  await expect(syncConversations(options)).rejects.toMatchObject({ code: 'LOCKED' })
  await blocker.query('commit')
  expect(await comparison).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
  await blocker.end()
})
