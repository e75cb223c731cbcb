import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { diagnose } from '../../lib/operations/doctor/diagnose.js'
import { readStatus } from '../../lib/operations/status.js'
import { verifyConversations } from '../../lib/index.js'
import { withKysely } from '../fixtures/rejects-fixture.js'
import { openEmptySync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'
import { share } from '../setup/share.js'

const quote = (name: string) => pg.escapeIdentifier(name)

let at: SyncFixture
beforeAll(async () => {
  at = await openEmptySync()
})
afterAll(() => at[Symbol.asyncDispose]())

/** Each name is that of a schema, a relation, a table, a key, a change column, a value and a pipeline at once. */
const some = [`x"; drop table etl_control; --`, `${'é'.repeat(31)}x`, '$1 %s %I :name ${x} \\u0041 \\"']
const names = share(some, [
  ...some,
  'select',
  'My "quoted" name',
  'two  spaces ',
  `'; drop table etl_control; --`,
  '=cmd|calc!A1 <b>&amp;</b>',
  'line\nbreak\tand \u202e turned \u001b[2J',
])

/** The name with something before it, cut to the 63 bytes that a name may have. */
function other(prefix: string, name: string): string {
  let text = `${prefix}${name}`
  while (Buffer.byteLength(text) > 63) text = text.slice(0, -1)
  return text
}

/** A table of one schema on each side, the columns of both named alike. */
async function create(name: string) {
  const [key, stamp, value] = [name, other('at ', name), other('v ', name)]
  const relation = { name: `${quote(name)}.${quote(name)}`, key, changedAt: stamp }
  const table = `${quote(name)}.${quote(other('t ', name))}`
  await at.source.query(`
    create schema ${quote(name)};
    create table ${relation.name} (${quote(key)} bigint, ${quote(stamp)} timestamp, ${quote(value)} text);
    insert into ${relation.name} select n, '2026-01-01', 'row ' || n from generate_series(1, 20) n`)
  await at.target.query(`
    create schema ${quote(name)};
    create table ${table}
      (${quote(key)} bigint, ${quote(stamp)} timestamp, ${quote(value)} varchar(20), deleted_at timestamptz)`)
  const options = { relation, table, pipeline: name.trim(), skewAllowance: 0 }
  return { relation, table, options, key, stamp, value }
}

const ends = () => ({ source: at.source.url, target: at.target.url })

/** The statement that a remedy tells, as it stands there. */
const statementOf = (remedy: unknown) => /: ([^]*;)/.exec(String(remedy))?.[1] ?? ''

/** What the doctor says about something of the caller's relation. */
async function remedyFor(name: string, options: Awaited<ReturnType<typeof create>>['options']) {
  const { checks } = await diagnose({ ...ends(), ...options })
  return checks.find((check) => check.name === name && check.outcome !== 'ok')?.remedy
}

it.each(names)('%j names everything, and all of it works', async (name) => {
  const { relation, table, options, key, stamp, value } = await create(name)

  // Without an index that makes the key unique, run and doctor tell the statement that makes one.
  const refusal: unknown = await at.sync(options).catch((error: unknown) => error)
  expect(refusal).toMatchObject({
    code: 'TARGET_COLUMN_MISSING',
    remedy: expect.stringContaining('create unique'),
  })
  const createIndex = statementOf(Reflect.get(Object(refusal), 'remedy'))
  expect(statementOf(await remedyFor('target-key', options))).toBe(createIndex)
  await at.target.query(createIndex)
  expect(await remedyFor('target-key', options)).toBeUndefined()

  expect(await at.sync(options)).toMatchObject({ rowsInserted: 20, rowsRejected: 0, warnings: [] })
  expect(await at.sync({ ...options, loadType: 'full', extractor: 'cursor' })).toMatchObject({
    rowsUnchanged: 20,
  })
  await withKysely(at.target.url, async (target) => {
    expect(await at.sync({ ...options, loadType: 'full', target })).toMatchObject({ rowsUnchanged: 20 })
  })
  await at.source.query(`
    update ${relation.name}
    set ${quote(stamp)} = clock_timestamp() at time zone 'UTC', ${quote(value)} = case ${quote(key)} when 3 then 'new' else repeat('x', 21) end
    where ${quote(key)} in (3, 4)`)
  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsUpdated: 1, rowsRejected: 1 })
  await at.source.query(`delete from ${relation.name} where ${quote(key)} = 5`)
  expect(await at.sync({ ...options, loadType: 'full' })).toMatchObject({ rowsDeleted: 1, rowsUnchanged: 18 })
  expect(await verifyConversations({ ...ends(), ...options })).toMatchObject({
    rowsCompared: 19,
    rowsStale: 0,
    rowsRejected: 1,
  })
  expect(
    await readTexts(
      at.target,
      `select ${quote(value)} from ${table} where deleted_at is null order by ${quote(key)} limit 3`,
    ),
  ).toEqual([['row 1'], ['row 2'], ['new']])
  expect((await readStatus({ target: at.target.url, pipeline: name.trim() }))[0]).toMatchObject({
    pipeline: name.trim(),
    status: 'success',
  })
  await at.sync({ ...options, columns: { mask: [value] } })
  expect(await readTexts(at.target, `select ${quote(value)} from ${table} where ${quote(key)} = 1`)).toEqual([
    ['xxx 9'],
  ])
})

it.each(names)('what is told to do about %j can be done as it stands', async (name) => {
  const { relation, table, options, key } = await create(other('2', name))
  await at.target.query(`create unique index on ${table} (${quote(key)})`)
  const added = other('new ', name)
  await at.source.query(`alter table ${relation.name} add column ${quote(added)} integer default 7`)

  await at.target.query(statementOf(await remedyFor('relation-columns', options)))
  await at.sync(options)
  expect(await readTexts(at.target, `select distinct ${quote(added)} from ${table}`)).toEqual([['7']])

  await at.source.query(`update ${relation.name} set ${quote(key)} = null where ${quote(key)} = 1`)
  const condition = statementOf(await remedyFor('relation-key', options))
  expect(await readTexts(at.source, `select count(*) from ${relation.name} ${condition}`)).toEqual([['19']])

  const role = other(`${at.source.name.slice(-8)} `, name)
  await at.source.query(
    `create role ${quote(role)} login password 'of a test'; grant usage on schema ${quote(key)} to ${quote(role)}`,
  )
  try {
    const url = Object.assign(new URL(at.source.url), {
      username: encodeURIComponent(role),
      password: 'of%20a%20test',
    })
    const asked = { ...options, source: url.href }
    await at.source.query(statementOf(await remedyFor('relation', asked)))
    expect(await remedyFor('relation', asked)).toBeUndefined()
  } finally {
    await at.source.query(`drop owned by ${quote(role)}; drop role ${quote(role)}`)
  }
})
