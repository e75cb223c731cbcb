import { afterAll, beforeAll, expect, it } from 'vitest'

import { withKysely } from '../fixtures/rejects-fixture.js'
import { openEmptySync, type SyncFixture } from '../fixtures/sync-fixture.js'

const relation = { key: 'id', changedAt: 'at' }

let at: SyncFixture

beforeAll(async () => {
  at = await openEmptySync()
})

afterAll(() => at[Symbol.asyncDispose]())

it.each([
  ['text', 'jsonpath', '$.a', '{'],
  ['regclass', 'regclass', 'pg_class', 'only_in_the_source'],
  ['text', 'regnamespace', 'pg_catalog', 'nowhere'],
  ['text', 'regproc', 'pi', 'abs'],
  ['text', 'regtype', 'integer', 'no_type'],
])('rejects the row of a %s that %s reads as the server reads a statement', async (from, to, good, bad) => {
  await at.source.query('create table if not exists only_in_the_source ()')
  for (const kysely of [false, true]) {
    const name = `of_${to}${kysely ? '_kysely' : ''}`
    await at.source.query(`
      create table ${name} (id integer primary key, at timestamp, v ${from});
      insert into ${name} values (1, '2026-01-01', '${good}'), (2, '2026-01-01', '${bad}')`)
    await at.target.query(`create table ${name} (id integer primary key, at timestamp, v ${to})`)
    const options = { relation: { ...relation, name }, table: name, pipeline: name }
    const report = kysely
      ? await withKysely(at.target.url, (target) => at.sync({ ...options, target }))
      : await at.sync(options)
    expect(report).toMatchObject({ rowsInserted: 1, rowsRejected: 1 })
  }
})

/** One in a line; a few are names to some of the types. */
const noNames = `{"a": 1.0}
5
{}
a.b.c.d
a.b
setof integer
integer(3)
numeric(1,2,3)
pg_class.no_column%type
pg_class.relname%type
"
-
()
abs(
+
+(integer)
it's
integer[
$1
/*
10.5.1
x y`.split('\n')

it.each([
  'regclass',
  'regtype',
  'regproc',
  'regprocedure',
  'regoper',
  'regoperator',
  'regnamespace',
  'regrole',
  'regconfig',
])('rejects each text that %s does not read as a name, and no other row', async (type) => {
  const reads = async (text: string) => {
    const query = `select $1::${type}`
    return at.target.query(query, [text]).then(
      () => true,
      () => false,
    )
  }
  const rejected = (await Promise.all(noNames.map(reads))).filter((isRead) => !isRead).length
  for (const kysely of [false, true]) {
    const name = `names_${type}${kysely ? '_kysely' : ''}`
    await at.source.query(`create table ${name} (id integer primary key, at timestamp, v text)`)
    await at.source.query(
      `insert into ${name} select place, '2026-01-01', v from unnest($1::text[]) with ordinality names (v, place)`,
      [noNames],
    )
    await at.target.query(`create table ${name} (id integer primary key, at timestamp, v ${type})`)
    const options = { relation: { ...relation, name }, table: name, pipeline: name, allowLossy: true }
    const report = kysely
      ? await withKysely(at.target.url, (target) => at.sync({ ...options, target }))
      : await at.sync(options)
    expect(report).toMatchObject({ rowsExtracted: noNames.length, rowsRejected: rejected })
  }
})
