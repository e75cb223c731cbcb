import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { checkHealth, diagnose, forgetContact, verifyConversations } from '../../lib/index.js'
import { readStatus } from '../../lib/operations/status.js'
import { pinnedSettings } from '../../lib/postgres/driver/pinned-settings.js'
import { openSession } from '../../lib/postgres/driver/connect.js'
import type { Side } from '../../lib/postgres/driver/session.js'
import { compile } from '../../lib/postgres/driver/statement.js'
import { isExcused } from '../fixtures/excused-settings.js'
import { openEmptySync, openSync, type SyncFixture } from '../fixtures/sync-fixture.js'
import { share } from '../setup/share.js'

/** What each pinned setting could be, and what a begin leaves to its defaults. */
const hostile: Record<string, string> = {
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  escape_string_warning: 'on',
  array_nulls: 'off',
  quote_all_identifiers: 'on',
  transform_null_equals: 'on',
  client_encoding: 'LATIN1',
  DateStyle: 'German',
  IntervalStyle: 'sql_standard',
  TimeZone: 'America/Sao_Paulo',
  timezone_abbreviations: 'Australia',
  // A locale in which the host writes amounts another way, where it has one.
  lc_monetary: 'POSIX',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  xmlbinary: 'hex',
  xmloption: 'document',
  gin_fuzzy_search_limit: '1',
  restrict_nonsystem_relation_kind: 'view, foreign-table',
  exit_on_error: 'on',
  client_min_messages: 'debug5',
  jit: 'on',
  lock_timeout: '1s',
  statement_timeout: '5s',
  idle_in_transaction_session_timeout: '5s',
  transaction_timeout: '5s',
  idle_session_timeout: '5s',
  default_transaction_isolation: 'serializable',
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  row_security: 'off',
  enable_indexscan: 'off',
}

/** A target whose transactions are read only is not written to, as it says so: TARGET_READ_ONLY. */
const hostileIn = (side: Side) =>
  Object.keys(hostile).filter((name) => side === 'source' || name !== 'default_transaction_read_only')

const columns = `
  id text primary key,
  v text,
  bytes bytea,
  day date,
  local timestamp,
  at timestamptz,
  span interval,
  f double precision,
  r real,
  n numeric,
  cash money,
  markup xml,
  words text[],
  body jsonb,
  clock timetz,
  updated_at timestamptz`

const rows = String.raw`
  (
    e'a\\b', e'c\\n''d', '\xdead00ff', '2024-02-01', '2024-02-01 03:04:05.678901', '2024-02-01 03:04:05.678901+00',
    '-1 mons +2 days -03:04:05.678901', 0.1, 0.1, 1.10, '12.34'::money, '<a/>text<b/>', array[null, 'null', e'\\', '"'],
    e'{"k": "\\\\ \\u00e9"}', '03:04:05.6+02', '2024-05-06 07:08:09+00'
  ),
  (
    'c''d', null, '\x5c27', '0044-03-15 BC', '0001-01-01', '294276-12-31 23:59:59.999999+00',
    '1 year 2 mons', 1e-300, 1e-30, 0.000, '-0.05'::money, null, '{}', 'null', null, '2024-05-06 07:08:09+00'
  ),
  (
    e'e\\', 'null', '', '2024-12-31', '2024-12-31 23:59:60', '2024-12-31 23:59:59.999999+14',
    '00:00:00', 123456789.123456789, 16777217, 1e30, '0', null, null, '[]', null, '2024-05-06 07:08:09+00'
  )`

const sides: readonly Side[] = ['source', 'target']

let at: SyncFixture
/** Sessions from before, which keep ordinary settings. */
const neutral = new Map<Side, pg.Client>()
/** The settings that the release of each server has. */
const known = new Map<Side, ReadonlySet<unknown>>()

beforeAll(async () => {
  at = await openEmptySync()
  for (const side of sides) {
    const client = new pg.Client(at[side].url)
    client.on('error', () => undefined)
    await client.connect()
    neutral.set(side, client)
    const found = await query(side, 'select name from pg_settings')
    known.set(side, new Set(found.map(({ name }) => name)))
  }
  for (const locale of ['es_CO.UTF-8', 'pt_BR.UTF-8', 'de_DE.UTF-8', 'en_US.UTF-8']) {
    if (await isLocale(locale)) hostile['lc_monetary'] = locale
  }
})
afterAll(async () => {
  for (const client of neutral.values()) await client.end()
  await at[Symbol.asyncDispose]()
})

async function isLocale(name: string): Promise<boolean> {
  const tries = sides.map((side) => query(side, `set lc_monetary = '${name}'; reset lc_monetary`))
  return (await Promise.allSettled(tries)).every(({ status }) => status === 'fulfilled')
}

const has = (side: Side, name: string) => known.get(side)?.has(name) ?? false

async function query(side: Side, text: string): Promise<readonly Record<string, unknown>[]> {
  return (await neutral.get(side)?.query(text))?.rows ?? []
}

const content = (side: Side) =>
  query(side, `select id, row(t.*)::text as content from hostile t order by id collate "C"`)

describe.each(sides)('every setting that a session of the %s can set', (side) => {
  it('is pinned or excused by a reason', async () => {
    const settings = await query(
      side,
      `select name from pg_settings where context in ('user', 'superuser', 'backend', 'superuser-backend')`,
    )
    const names = settings.map(({ name }) => String(name))
    const pinned = new Set(['search_path', 'client_encoding', ...pinnedSettings.map(({ name }) => name)])

    expect(names.filter((name) => !pinned.has(name) && !isExcused(name))).toEqual([])
    expect(names.filter((name) => pinned.has(name) && isExcused(name))).toEqual([])
  })

  it('has its pinned value in and out of transactions', async () => {
    await set(side, at[side].name, 'database', hostileIn(side))
    const values = compile(sql<{ values: string }>`
      select json_object_agg(lower(name), setting)::text as values from pg_settings`)
    await using session = await openSession(side, at[side].url, {
      applicationName: 'test',
      connectTimeout: 10_000,
    })
    const wanted = Object.fromEntries(
      pinnedSettings.flatMap(({ name, value, isForSession }) =>
        has(side, name) && (side === 'target' || !isForSession) ? [[name.toLowerCase(), value]] : [],
      ),
    )

    const [alone] = await session.rows(values)
    await session.script(['begin'])
    const [within] = await session.rows(values)
    await session.script(['rollback'])

    expect(JSON.parse(alone?.values ?? '{}')).toMatchObject(wanted)
    expect(JSON.parse(within?.values ?? '{}')).toMatchObject(wanted)
    await reset(side, at[side].name)
  })
})

async function set(side: Side, database: string, way: 'database' | 'role', names: readonly string[]) {
  const whom = way === 'database' ? `database ${database}` : `role postgres in database ${database}`
  for (const name of names) {
    if (has(side, name)) await query(side, `alter ${whom} set ${name} = '${hostile[name]}'`)
  }
}

async function reset(side: Side, database: string) {
  await query(side, `alter database ${database} reset all`)
  await query(side, `alter role postgres in database ${database} reset all`)
}

const options = (pipeline: string) => ({
  pipeline,
  table: 'hostile',
  relation: { name: 'hostile', key: 'id', changedAt: 'updated_at' },
})

/** Loads under the settings of the database, increments and compares under those of the role. */
async function loadUnder(side: Side, names: readonly string[], pipeline: string) {
  const database = at[side].name
  await query('source', `drop view if exists hostile; drop table if exists hostile_rows`)
  await query('source', `create table hostile_rows (${columns}); insert into hostile_rows values ${rows}`)
  await query('source', `create view hostile as select * from hostile_rows`)
  await query('target', `drop table if exists hostile; create table hostile (${columns})`)
  await set(side, database, 'database', names)
  const first = await at.sync(options(pipeline))
  await reset(side, database)
  await set(side, database, 'role', names)
  await query('source', `update hostile_rows set v = v || e'\\\\', updated_at = now() where id <> 'c''d'`)
  const second = await at.sync(options(pipeline))
  const found = await verifyConversations({
    ...options(pipeline),
    source: at.source.url,
    target: at.target.url,
  })
  await reset(side, database)
  expect(first).toMatchObject({ rowsInserted: 3, rowsRejected: 0 })
  expect(second).toMatchObject({ loadType: 'incremental', rowsUpdated: 2, rowsRejected: 0 })
  expect(found).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsPending: 0 })
  expect(await content('target')).toEqual(await content('source'))
}

describe.each(sides)('a hostile value in the %s changes nothing:', (side) => {
  it.each(share([], hostileIn(side)))('%s', async (name) => {
    await loadUnder(side, has(side, name) ? [name] : [], `${side} ${name}`)
  })

  it('all of them at once', async () => {
    await loadUnder(side, hostileIn(side), side)
  })
})

it.each(sides)('timeouts of the %s end no run that takes longer than they allow', async (side) => {
  await using slow = await openEmptySync()
  await slow.source.query(`
    create table numbers (id integer primary key, updated_at timestamp);
    insert into numbers select id, now() from generate_series(1, 60) id;
    create view slow as select *, pg_sleep(0.04)::text as pause from numbers`)
  await slow.target.query('create table numbers (id integer primary key, pause text, updated_at timestamp)')
  for (const name of ['statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout'])
    if (has(side, name)) await query(side, `alter database ${slow[side].name} set ${name} = '1s'`)
  if (side === 'target' && has(side, 'idle_session_timeout'))
    await query(side, `alter database ${slow[side].name} set idle_session_timeout = '1s'`)
  const pipeline = { table: 'numbers', relation: { name: 'slow', key: 'id', changedAt: 'updated_at' } }

  expect(await slow.sync(pipeline)).toMatchObject({ rowsInserted: 60 })
  await slow.source.query('update numbers set updated_at = now()')
  expect(await slow.sync(pipeline)).toMatchObject({ loadType: 'incremental', rowsUpdated: 60 })
  const { url } = slow.source
  expect(await verifyConversations({ source: url, target: slow.target.url, ...pipeline })).toMatchObject({
    rowsCompared: 60,
    rowsStale: 0,
  })
})

it('texts with backslashes and NUL escapes arrive where strings of the source do not conform', async () => {
  await using odd = await openEmptySync()
  for (const name of ['standard_conforming_strings', 'escape_string_warning'])
    await query('source', `alter database ${odd.source.name} set ${name} = off`)
  await odd.source.query('create table odd (id text primary key, j json, v text, updated_at timestamp)')
  await odd.source.query(
    String.raw`insert into odd values
      (e'a\\b', e'{"x":"1\\u0000"}', 'q', now()), (e'c''d', '{}', 'w', now()), (e'e\\', '{}', 'r', now())`,
  )
  await odd.target.query('create table odd (id text primary key, j jsonb, v text, updated_at timestamp)')
  const pipeline = { table: 'odd', relation: { name: 'odd', key: 'id', changedAt: 'updated_at' } }

  expect(await odd.sync(pipeline)).toMatchObject({ rowsInserted: 3, rowsRejected: 0 })
  await odd.source.query(`update odd set v = v || '!', updated_at = now()`)
  expect(await odd.sync(pipeline)).toMatchObject({ loadType: 'incremental', rowsUpdated: 3 })
  expect(await odd.sync({ ...pipeline, loadType: 'full' })).toMatchObject({ rowsUnchanged: 3 })
  expect(await odd.target.query('select id, j, v from odd order by v')).toEqual([
    { id: String.raw`a\b`, j: { x: '1' }, v: 'q!' },
    { id: 'e\\', j: {}, v: 'r!' },
    { id: `c'd`, j: {}, v: 'w!' },
  ])
})

it('conversations come out the same with hostile settings on both sides, and all that is told of them', async () => {
  await using chatwoot = await openSync()
  const handles = { source: chatwoot.source.url, target: chatwoot.target.url }
  const compare = () => verifyConversations(handles)
  // As it is from PostgreSQL 15 on, which doctor wants.
  for (const side of sides) await chatwoot[side].query('revoke create on schema public from public')
  await chatwoot.sync({ loadType: 'full' })
  expect(
    await chatwoot.target.query('select from conversas_analytics where has_written_feedback'),
  ).not.toEqual([])
  for (const side of sides) await set(side, chatwoot[side].name, 'database', hostileIn(side))

  const again = await chatwoot.sync({ loadType: 'full' })
  const found = await compare()
  const [run] = await readStatus(handles)
  const { checks: health } = await checkHealth(handles)
  const { checks: doctor } = await diagnose(handles)
  const forgotten = await forgetContact({ target: handles.target, contactId: 1 })
  for (const side of sides) await reset(side, chatwoot[side].name)
  const restored = await compare()

  expect(again).toMatchObject({ rowsInserted: 0, rowsUpdated: 0, rowsDeleted: 0 })
  for (const each of [found, restored])
    expect(each).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
  expect(run).toMatchObject({ executionId: again.executionId, status: 'success', startedAt: again.startedAt })
  const problems = [...health, ...doctor].filter(({ outcome }) => outcome !== 'ok')
  expect(problems.map(({ name }) => name)).toEqual(['source-read-only'])
  expect(forgotten.forgottenAt).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00$/)
})
