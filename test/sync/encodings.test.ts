import { Kysely, PostgresDialect } from 'kysely'
import { expect, it } from 'vitest'

import { syncConversations, verifyConversations, type SyncOptions } from '../../lib/index.js'
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
  const { migrate } = await import('../../lib/index.js')
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
