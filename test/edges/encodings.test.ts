import { Kysely, PostgresDialect } from 'kysely'
import { expect, it } from 'vitest'

import { migrate, syncConversations, verifyConversations, type SyncOptions } from '../../lib/index.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'
import { openPool } from '../setup/pool.js'

/** A database in another encoding on the server of a fixture's database. */
async function createIn(encoding: string, beside: TestDatabase) {
  const name = `${beside.name}_${encoding.toLowerCase()}`
  const [{ is_new: hasProviders } = {}] = await beside.query(
    `select current_setting('server_version_num')::integer >= 150000 as is_new`,
  )
  const provider = hasProviders ? 'locale_provider libc' : ''
  await beside.query(
    `create database ${name} encoding '${encoding}' lc_collate 'C' lc_ctype 'C' ${provider} template template0`,
  )
  const url = Object.assign(new URL(beside.url), { pathname: `/${name}` }).href
  const pool = openPool({ connectionString: url })
  pool.on('error', () => undefined)
  return {
    url,
    query: async (text: string) => (await pool.query<Record<string, unknown>>(text)).rows,
    [Symbol.asyncDispose]: async () => {
      await pool.end()
      await beside.query(`drop database ${name} with (force)`)
    },
  }
}

const columns = 'id integer primary key, v text, w text, updated_at timestamp'
const pipeline = { table: 'kept', relation: { name: 'items', key: 'id', changedAt: 'updated_at' } }

async function both(options: SyncOptions) {
  const report = await syncConversations({ ...options, ...pipeline, retryBudget: 0 })
  const { target, source } = options
  return { report, found: await verifyConversations({ source, target, ...pipeline }) }
}

const equal = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0 }

it.each(['copy', 'cursor', 'Kysely'])(
  'a source without an encoding loads all but the rows whose texts are not UTF-8, by %s',
  async (way) => {
    await using beside = await cloneDatabase('source', 'template0')
    await using target = await cloneDatabase('target')
    await using source = await createIn('SQL_ASCII', beside)
    await source.query(`create table items (${columns})`)
    await source.query(String.raw`
      insert into items values
        (1, 'a', e'a\xe7\xe3o', '2024-01-01'),
        (2, 'ok', '{}', '2024-01-01'),
        (3, e'\xc3\xa9', e'\xef\xbf\xbd', '2024-01-01'),
        (4, e'\xff', null, '2024-01-01')`)
    await target.query(`create table kept (${columns})`)
    const pool = openPool({ connectionString: source.url })
    pool.on('error', () => undefined)
    const handle = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
    const options = {
      source: way === 'Kysely' ? handle : source.url,
      target: target.url,
      extractor: way === 'copy' ? ('copy' as const) : ('cursor' as const),
    }
    const rejects = `select row_key, column_name, sql_state from etl_rejects order by row_key`
    const rejected = [
      { row_key: '1', column_name: 'w', sql_state: '22021' },
      { row_key: '4', column_name: 'v', sql_state: '22021' },
    ]

    const first = await both(options)

    expect(first.report).toMatchObject({ rowsInserted: 2, rowsRejected: 2 })
    expect(first.found).toMatchObject({ ...equal, rowsRejected: 2 })
    expect(await target.query('select id, v, w from kept order by id')).toEqual([
      { id: 2, v: 'ok', w: '{}' },
      { id: 3, v: 'é', w: '\ufffd' },
    ])
    expect(await target.query(rejects)).toEqual(rejected)

    await source.query(`update items set v = v || '2', updated_at = now()`)
    const second = await both(options)

    expect(second.report).toMatchObject({ loadType: 'incremental', rowsUpdated: 2, rowsRejected: 2 })
    expect(second.found).toMatchObject({ ...equal, rowsRejected: 2 })
    expect(await target.query(rejects)).toEqual(rejected)

    await source.query(`update items set v = 'right', w = 'right', updated_at = now()`)
    const third = await both(options)

    expect(third.report).toMatchObject({ rowsInserted: 2, rowsUpdated: 2, rowsRejected: 0 })
    expect(third.found).toMatchObject(equal)
    await handle.destroy()
  },
)

it('a source in LATIN1 arrives as it is, and is equal', async () => {
  await using beside = await cloneDatabase('source', 'template0')
  await using target = await cloneDatabase('target')
  await using source = await createIn('LATIN1', beside)
  await source.query(`create table items (${columns})`)
  await source.query(`insert into items values (1, 'São João', 'é', now()), (2, 'plain', null, now())`)
  await target.query(`create table kept (${columns})`)

  const { report, found } = await both({ source: source.url, target: target.url })

  expect(report).toMatchObject({ rowsInserted: 2, rowsRejected: 0 })
  expect(found).toMatchObject(equal)
  expect(await target.query('select v, w from kept order by id')).toEqual([
    { v: 'São João', w: 'é' },
    { v: 'plain', w: null },
  ])
})

it('a target in LATIN1 rejects the rows that it cannot hold, and is equal in the others', async () => {
  await using source = await cloneDatabase('source', 'template0')
  await using beside = await cloneDatabase('target')
  await using target = await createIn('LATIN1', beside)
  await migrate({ target: target.url })
  await source.query(`create table items (${columns})`)
  await source.query(
    `insert into items values (1, 'São João', 'é', now()), (2, '😀', null, now()), (3, 'a', '–', now())`,
  )
  await target.query(`create table kept (${columns})`)

  const { report, found } = await both({ source: source.url, target: target.url })

  expect(report).toMatchObject({ rowsInserted: 1, rowsRejected: 2 })
  expect(found).toMatchObject({ ...equal, rowsRejected: 2 })
  expect(await target.query('select v, w from kept')).toEqual([{ v: 'São João', w: 'é' }])
  expect(await target.query('select row_key, column_name from etl_rejects order by row_key')).toEqual([
    { row_key: '2', column_name: 'v' },
    { row_key: '3', column_name: 'w' },
  ])
})

it('a text that a transform has cut in the middle of a character is rejected', async () => {
  await using source = await cloneDatabase('source', 'template0')
  await using target = await cloneDatabase('target')
  await source.query(
    `create table items (${columns}); insert into items values (1, '😀', 'a', now()), (2, 'b', 'c', now())`,
  )
  await target.query(`create table kept (${columns})`)

  const report = await syncConversations({
    source: source.url,
    target: target.url,
    ...pipeline,
    transform: (row) => ({ ...row, v: String(Reflect.get(row, 'v')).slice(0, 1) }),
  })

  expect(report).toMatchObject({ rowsInserted: 1, rowsRejected: 1 })
  expect(await target.query('select row_key, column_name, sql_state from etl_rejects')).toEqual([
    { row_key: '1', column_name: 'v', sql_state: '22021' },
  ])
})

it.each([
  ['copy', 'UTF8'],
  ['cursor', 'UTF8'],
  ['copy', 'SQL_ASCII'],
] as const)(
  'rows whose keys are not UTF-8 are rejected one by one, and verify agrees, by %s into %s',
  async (extractor, encoding) => {
    await using beside = await cloneDatabase('source', 'template0')
    await using utf8 = await cloneDatabase('target')
    await using ascii = await createIn('SQL_ASCII', utf8)
    await using source = await createIn('SQL_ASCII', beside)
    const target = encoding === 'UTF8' ? utf8 : ascii
    if (encoding !== 'UTF8') await migrate({ target: ascii.url })
    await source.query('create table items (id text primary key, v text, updated_at timestamp)')
    await source.query(String.raw`
      insert into items values
        ('a', 'a', '2024-01-01'),
        (e'b\xe7', 'b', '2024-01-01'),
        (e'b\xe8', 'b', '2024-01-01'),
        ('c', e'\xff', '2024-01-01'),
        (e'd\xc3\xa9', 'd', '2024-01-01')`)
    await target.query(
      'create table kept (id text primary key, v text, updated_at timestamp, deleted_at timestamp)',
    )
    const where = { source: source.url, target: target.url, ...pipeline, skewAllowance: 0 }
    const run = (more: Partial<SyncOptions> = {}) =>
      syncConversations({ ...where, extractor, retryBudget: 0, ...more })
    const live = () => target.query(`select id, v from kept where deleted_at is null order by id`)
    const rejects = () => target.query('select row_key, column_name from etl_rejects order by row_key')
    const ofKeys = ['b\\xe7', 'b\\xe8'].map((key) => ({ row_key: key, column_name: 'id' }))

    expect(await run()).toMatchObject({ rowsExtracted: 5, rowsInserted: 2, rowsRejected: 3 })
    expect(await verifyConversations(where)).toMatchObject({ ...equal, rowsRejected: 3 })
    expect(await verifyConversations({ ...where, repair: true })).toMatchObject({
      ...{ ...equal, rowsRejected: 3, rowsRepaired: 0 },
    })
    expect(await rejects()).toEqual([...ofKeys, { row_key: 'c', column_name: 'v' }])

    await source.query(`update items set v = 'new', updated_at = now()`)
    expect(await run()).toMatchObject({ rowsInserted: 1, rowsUpdated: 2, rowsRejected: 2 })
    // No statement can name them, and no other row is read.
    expect(await run()).toMatchObject({ loadType: 'incremental', rowsExtracted: 2, rowsRejected: 2 })
    expect(await run({ loadType: 'full' })).toMatchObject({ rowsUnchanged: 3, rowsRejected: 2 })
    expect(await rejects()).toEqual(ofKeys)
    expect(await verifyConversations(where)).toMatchObject({ ...equal, rowsRejected: 2 })

    await source.query(String.raw`delete from items where id in (e'b\xe7', 'a')`)
    const full = { loadType: 'full', maxDeleteShare: 1 } as const
    expect(await run(full)).toMatchObject({ rowsDeleted: 1, rowsUnchanged: 2, rowsRejected: 1 })
    expect(await verifyConversations({ ...where, repair: true })).toMatchObject({
      ...{ ...equal, rowsRejected: 1, rowsRepaired: 0 },
    })
    expect(await live()).toEqual([
      { id: 'c', v: 'new' },
      { id: 'dé', v: 'new' },
    ])
    expect(await rejects()).toEqual(ofKeys.slice(1))
  },
)

it('a load that was stopped behind a key that is not UTF-8 loses nothing when it goes on', async () => {
  await using beside = await cloneDatabase('source', 'template0')
  await using target = await cloneDatabase('target')
  await using source = await createIn('SQL_ASCII', beside)
  await source.query('create table items (id text primary key, v text, updated_at timestamp)')
  // The last one is behind the stray byte, and before what stands for it.
  await source.query(String.raw`
    insert into items values ('a', 'a', now()), (e'b\xe7', 'b', now()), (e'b\xea\xb0\x80', 'c', now())`)
  await target.query('create table kept (id text primary key, v text, updated_at timestamp)')
  const where = { source: source.url, target: target.url, ...pipeline, batchSize: 1, retryBudget: 0 }
  const run = (isStopped: boolean) =>
    syncConversations({
      ...where,
      transform: (row) => {
        if (isStopped && Reflect.get(row, 'v') === 'c') throw new Error('stopped')
        return row
      },
    })
  await expect(run(true)).rejects.toMatchObject({ code: 'HOOK_FAILED' })
  await run(false)
  expect(await target.query('select v from kept order by v')).toEqual([{ v: 'a' }, { v: 'c' }])
})
