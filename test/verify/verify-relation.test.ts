import pg from 'pg'
import { expect, it, vi } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import { syncConversations } from '../../lib/sync.js'
import { cloneDatabase } from '../setup/database.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { waitingLocks } from '../setup/database.js'

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
    const waiting = await at.source.query(waitingLocks)
    expect(waiting).not.toEqual([])
  }
  await blocker.query('begin; lock table users in access exclusive mode')
  const run = syncConversations(options)
  await vi.waitFor(waits, 120_000)
  await expect(verifyConversations(options)).rejects.toMatchObject({ code: 'LOCKED' })
  await blocker.query('commit')
  expect(await run).toMatchObject({ status: 'success' })

  await blocker.query('begin; lock table users in access exclusive mode')
  const comparison = verifyConversations(options)
  await vi.waitFor(waits, 120_000)
  await expect(syncConversations(options)).rejects.toMatchObject({ code: 'LOCKED' })
  await blocker.query('commit')
  expect(await comparison).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
  await blocker.end()
})

it('finds a change of a value in any type, however small', async () => {
  const changes = [
    { type: 'smallint', from: '1', to: 'null' },
    { type: 'integer', from: '0', to: 'null' },
    { type: 'bigint', from: '9007199254740992', to: '9007199254740993' },
    { type: 'boolean', from: 'false', to: 'null' },
    { type: 'numeric', from: '1', to: '1.0' },
    { type: 'numeric', from: `'NaN'`, to: '0' },
    { type: 'double precision', from: '0.1', to: '0.30000000000000004 - 0.2' },
    { type: 'text', from: `''`, to: 'null' },
    { type: 'text', from: `'a'`, to: `'a '` },
    { type: 'date', from: `'2026-01-01'`, to: `'infinity'` },
    { type: 'timestamp', from: `'2026-01-01 12:00:00.000001'`, to: `'2026-01-01 12:00:00.000002'` },
    { type: 'timestamptz', from: `'2026-01-01 12:00:00.000001+00'`, to: `'2026-01-01 12:00:00.000002+00'` },
    { type: 'interval', from: `'1 day'`, to: `'24 hours'` },
    { type: 'uuid', from: `'00000000-0000-0000-0000-000000000000'`, to: 'null' },
    { type: 'json', from: `'{"a":1}'`, to: `'{"a": 1}'` },
    { type: 'jsonb', from: `'{"a":1}'`, to: `'{"a":1.0}'` },
    { type: 'text[]', from: `'{a,b}'`, to: `'{b,a}'` },
    { type: 'bytea', from: `'\\x00'`, to: `'\\x0000'` },
  ]
  const [source, target] = await Promise.all([cloneDatabase('source', 'template0'), cloneDatabase('target')])
  await using _databases = {
    [Symbol.asyncDispose]: async () => {
      await Promise.all([source[Symbol.asyncDispose](), target[Symbol.asyncDispose]()])
    },
  }
  const columns = changes.map(({ type }, at) => `c${at} ${type}`).join(', ')
  await source.query(`create table samples (id integer primary key, changed_at timestamptz, ${columns})`)
  await target.query(`create table samples (id integer primary key, changed_at timestamptz, ${columns})`)
  const values = changes.map(({ type, from }) => `${from}::${type}`).join(', ')
  await source.query(
    `insert into samples select i, '2026-01-01', ${values} from generate_series(0, ${changes.length}) i`,
  )
  const options = {
    source: source.url,
    target: target.url,
    relation: { name: 'samples', key: 'id', changedAt: 'changed_at' },
    table: 'samples',
    pipeline: 'samples',
  }
  await syncConversations(options)
  expect(await verifyConversations(options)).toMatchObject({ rowsStale: 0, rowsCompared: changes.length + 1 })

  for (const [at, { type, to }] of changes.entries()) {
    await target.query(`update samples set c${at} = (${to})::${type} where id = ${at}`)
  }
  // Two values that trade places.
  await target.query(`update samples set c0 = c1, c1 = c0 where id = ${changes.length}`)

  const report = await verifyConversations(options)
  expect(report.differingKeys).toEqual([...changes.keys(), changes.length].map(String))
  const once = Object.fromEntries(changes.map((_, at) => [`c${at}`, at < 2 ? 2 : 1]))
  expect(report.differingColumns).toEqual(once)
})

it('finds equal what the target has rounded to hundreds or to thousandths, whatever scales the source knows', async () => {
  await using at = await openProducts()
  const [server] = await at.target.query<{ release: number }>(
    `select current_setting('server_version_num')::integer as release`,
  )
  // Before release 15 no scale is negative, or greater than the precision.
  const types =
    (server?.release ?? 0) >= 150_000 ? ['numeric(6,-2)', 'numeric(2,4)'] : ['numeric(6,0)', 'numeric(8,4)']
  await at.target.query(
    `create table rounded (code text primary key, price ${types[0]}, part ${types[1]}, changed_at timestamptz)`,
  )
  await at.source.query(`
    create table prices (code text primary key, price numeric, part numeric, changed_at timestamptz);
    insert into prices values
      ('half', 1250, 0.00125, '2026-01-01'), ('below', -1249.9, -0.00124, '2026-01-01'), ('none', null, null, '2026-01-01'),
      ('large', 99999999999, 1, '2026-01-01')`)
  const options = { ...at.options, table: 'rounded', pipeline: 'rounded', allowLossy: true } as const
  const opts = { ...options, relation: { ...relation, name: 'prices' } }
  await syncConversations(opts)
  await at.target.query(`update rounded set price = price + 100 where code = 'below'`)

  const report = await verifyConversations(opts)

  expect(report).toMatchObject({ rowsCompared: 4, rowsStale: 1, differingColumns: { price: 1 } })
})
