import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import { openEmptySync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'

let at: SyncFixture
let tables = 0

beforeAll(async () => {
  at = await openEmptySync()
})

afterAll(() => at[Symbol.asyncDispose]())

/** A value, the type of its column in the source and in the target, and the column's name if that matters. */
type Case = readonly [value: string, from: string, to?: string, column?: string]

/** One row of these values in a relation of its own, with a table for it. */
async function put(...cases: readonly Case[]) {
  const table = `mine_${++tables}`
  const names = cases.map(([, , , name], place) => name ?? `v${place}`)
  const columns = (type: (given: Case) => string) =>
    cases.map((given, place) => `${names[place] ?? ''} ${type(given)}`).join(', ')
  await at.source.query(`
    create table ${table} (id bigint, at timestamp, ${columns(([, from]) => from)});
    insert into ${table} values (9007199254740993, '2026-01-01', ${cases.map(([value]) => value).join(', ')})`)
  await at.target.query(
    `create table ${table} (id bigint primary key, at timestamp, ${columns(([, from, to = from]) => to)})`,
  )
  return { names, run: { relation: { name: table, key: 'id', changedAt: 'at' }, table, pipeline: table } }
}

/** What the target holds of each value after a full run, which a further one and a comparison find equal, and an incremental one brings again. */
async function carry(...cases: readonly Case[]) {
  const { names, run } = await put(...cases)
  const { table } = run
  expect(await at.sync(run)).toMatchObject({ rowsInserted: 1 })
  expect(await at.sync({ ...run, loadType: 'full' })).toMatchObject({ rowsUnchanged: 1 })
  const content = `select id, ${names.join(', ')} from ${table}`
  const [row] = await readTexts(at.target, content)
  expect(row?.[0]).toBe('9007199254740993')
  await at.target.query(`truncate ${table}`)
  const throughCursor = { ...run, loadType: 'full', extractor: 'cursor' } as const
  expect(await at.sync(throughCursor)).toMatchObject({ rowsInserted: 1 })
  expect(await at.sync(throughCursor)).toMatchObject({ rowsUnchanged: 1 })
  expect(await readTexts(at.target, content)).toEqual([row])
  await at.source.query(`update ${table} set at = now() at time zone 'UTC'`)
  await at.target.query(`update ${table} set at = null, ${names.map((name) => `${name} = null`).join(', ')}`)
  expect(await at.sync(run)).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
  expect(await readTexts(at.target, content)).toEqual([row])
  const compared = await verifyConversations({ source: at.source.url, target: at.target.url, ...run })
  expect(compared).toMatchObject({ rowsCompared: 1, rowsStale: 0, rowsMissing: 0, rowsPending: 0 })
  return row?.slice(1)
}

type Expected = readonly [value: string, from: string, to: string, expected: string | null]

const alike: readonly (readonly [value: string, type: string, expected: string | null])[] = [
  [`'NaN'`, 'numeric', null],
  [`'Infinity'`, 'numeric', null],
  [`'1e-20'`, 'numeric', '0.00000000000000000001'],
  [`'12345678901234567890.10'`, 'numeric', '12345678901234567890.10'],
  [`'NaN'`, 'double precision', null],
  [`'-Infinity'`, 'real', null],
  [`'0.1'::float8 + '0.2'`, 'double precision', '0.30000000000000004'],
  [`'-0'`, 'double precision', '-0'],
  [`'infinity'`, 'timestamp', null],
  [`'-infinity'`, 'timestamptz', null],
  [`'infinity'`, 'date', null],
  [`'0044-03-15 BC'`, 'date', '0044-03-15 BC'],
  [`'2026-01-01 00:00:00.000001-03'`, 'timestamptz', '2026-01-01 03:00:00.000001+00'],
  [`'1 year 2 days 03:04:05.000006'`, 'interval', '1 year 2 days 03:04:05.000006'],
  [String.raw`'\x00ff5c'`, 'bytea', String.raw`\x00ff5c`],
  [`array['a,b', null, 'c"d', '']`, 'text[]', `{"a,b",NULL,"c\\"d",""}`],
  [`'{"b": 1, "a": [1.0, null]}'`, 'jsonb', '{"a": [1.0, null], "b": 1}'],
  [`E'\\x1e\\x1f\\r\\n\\t\\\\.'`, 'text', '\u001e\u001f\r\n\t\\.'],
  [`E'a\\x1fb'`, 'text', 'a\u001fb'],
  [`E'a\\x1eb'`, 'text', 'a\u001eb'],
  [`E'a\\rb'`, 'text', 'a\rb'],
  [`E'\\\\.'`, 'text', '\\.'],
  [`''`, 'text', ''],
  [`'{1.10,NULL,NaN}'`, 'numeric[]', '{1.10,NULL,NaN}'],
  [`'{1.5,Infinity}'`, 'real[]', '{1.5,Infinity}'],
  [`'{{0.1,NaN},{2,NULL}}'`, 'double precision[]', '{{0.1,NaN},{2,NULL}}'],
  [`'{2026-01-01,infinity}'`, 'date[]', '{2026-01-01,infinity}'],
  [`'{2026-01-01 10:00+00}'`, 'timestamptz[]', '{"2026-01-01 10:00:00+00"}'],
  [`'[5:6]={2026-01-01 10:00,-infinity}'`, 'timestamp[]', '[5:6]={"2026-01-01 10:00:00",-infinity}'],
  [`'[2026-01-01,2026-02-01]'`, 'daterange', '[2026-01-01,2026-02-02)'],
  [`'[2026-01-01 10:00+00,)'`, 'tstzrange', '["2026-01-01 10:00:00+00",)'],
  [`'(1.5,NaN]'`, 'numrange', '(1.5,NaN]'],
  [`'{[2026-01-01,2026-02-01)}'`, 'datemultirange', '{[2026-01-01,2026-02-01)}'],
  [`'abcd'`, 'char(4)', 'abcd'],
  [`'ab'`, 'char(4)', 'ab  '],
  [`'1010'`, 'bit(4)', '1010'],
  [`'101'`, 'bit varying(9)', '101'],
  [`'{ab,abcd}'`, 'char(4)[]', '{"ab  ",abcd}'],
  [`'2 days 03:04:05'`, 'interval day to second(0)', '2 days 03:04:05'],
  [`'10:00:00.123-05'`, 'timetz(3)', '10:00:00.123-05'],
  [`'1234.5'`, 'numeric(8,-2)', '1200'],
  [`'$1,234.56'`, 'money', '$1,234.56'],
  [`'x'`, 'name', 'x'],
  [`'y'`, '"char"', 'y'],
]

const converted: readonly Expected[] = [
  [`''`, 'text', 'integer', null],
  [`''`, 'varchar(9)', 'timestamptz', null],
  [`''`, 'text', 'uuid', null],
  [`''`, 'text', 'jsonb', null],
  [`'42'`, 'text', 'integer', '42'],
  [`'false'`, 'text', 'boolean', 'f'],
  ['7', 'smallint', 'bigint', '7'],
  ['7', 'integer', 'text', '7'],
  ['true', 'boolean', 'text', 'true'],
  [`'2026-01-01 12:00-03'`, 'timestamptz', 'timestamp', '2026-01-01 15:00:00'],
  [`'2026-01-01'`, 'date', 'timestamp', '2026-01-01 00:00:00'],
  ['1.50', 'numeric(5,2)', 'numeric', '1.50'],
  ['1.5', 'numeric(5,1)', 'numeric(10,2)', '1.50'],
  ['7', 'integer', 'numeric(10,2)', '7.00'],
  ['0.1', 'real', 'double precision', '0.1'],
  ['123456789', 'real', 'double precision', '123456790'],
  [`'[2026-01-01,2026-02-01)'`, 'daterange', 'text', '[2026-01-01,2026-02-01)'],
  [`'[2026-01-01,2026-02-01)'`, 'daterange', 'tsrange', '["2026-01-01 00:00:00","2026-02-01 00:00:00")'],
  [`'{1,2}'`, 'smallint[]', 'bigint[]', '{1,2}'],
  [`'{0.1}'`, 'real[]', 'double precision[]', '{0.1}'],
  [`'{1.5}'`, 'numeric(5,1)[]', 'numeric(10,2)[]', '{1.50}'],
  [`'{2026-01-01 10:00}'`, 'timestamp[]', 'timestamptz[]', '{"2026-01-01 10:00:00+00"}'],
  [`'ab'`, 'char(4)', 'text', 'ab  '],
  [`'ab'`, 'char(4)', 'varchar(3)', 'ab'],
  [`'ab'`, 'char(4)', 'char(8)', 'ab      '],
  [`'12'`, 'char(4)', 'integer', '12'],
  [`'1,234.50'`, 'money', 'numeric', '1234.50'],
  [`'10:00'`, 'time', 'interval', '10:00:00'],
  [`'10:00'`, 'time', 'timetz', '10:00:00+00'],
]

/** Both travel as they are, each kind in one row: by COPY in binary, and as texts. */
describe('carries', () => {
  let same: readonly (string | null)[] | undefined
  let other: readonly (string | null)[] | undefined
  beforeAll(async () => {
    same = await carry(...alike.map(([value, type]): Case => [value, type]))
    other = await carry(...converted.map(([value, from, to]): Case => [value, from, to]))
  })

  it.each(alike.map((given, place) => [...given, place] as const))(
    '%s of %s',
    (_value, _type, expected, place) => {
      expect(same?.[place]).toBe(expected)
    },
  )

  it.each(converted.map((given, place) => [...given, place] as const))(
    '%s of %s into %s',
    (_value, _from, _to, expected, place) => {
      expect(other?.[place]).toBe(expected)
    },
  )
})

it('takes an empty address, phone number or identifier for none', async () => {
  const names = ['assignee_email', 'contact_email', 'contact_phone', 'contact_identifier', 'client_phone']
  expect(await carry(...names.map((name): Case => [`''`, 'text', 'text', name]))).toEqual(
    names.map(() => null),
  )
})

const escaped: readonly (readonly [json: string, expected: string])[] = [
  [String.raw`{"a": "x\u0000y"}`, '{"a": "xy"}'],
  [String.raw`{"a": "x\\u0000y"}`, String.raw`{"a": "x\\u0000y"}`],
  [String.raw`{"a": "x\\\u0000y"}`, String.raw`{"a": "x\\y"}`],
  [String.raw`{"a": "\\\\u0000"}`, String.raw`{"a": "\\\\u0000"}`],
  [String.raw`{"\u0000": "\u0000\u0000", "b": "\u0001"}`, String.raw`{"": "", "b": "\u0001"}`],
]

it.each(['json', 'text'])(
  'takes NUL escapes, and nothing else, out of %s that becomes jsonb',
  async (type) => {
    expect(await carry(...escaped.map(([json]): Case => [`'${json}'`, type, 'jsonb']))).toEqual(
      escaped.map(([, expected]) => expected),
    )
  },
)

it('leaves json as it is where the target keeps json', async () => {
  expect(await carry([String.raw`'{"a" :  "\u0000"}'`, 'json'])).toEqual([String.raw`{"a" :  "\u0000"}`])
})

it.each([
  [`'abc'`, 'text', 'integer'],
  [`'too long'`, 'text', 'varchar(3)'],
  ['70000', 'integer', 'smallint'],
  ['1.5', 'numeric', 'integer'],
])('rejects %s of %s for %s rather than change it, and does not tell the value', async (value, from, to) => {
  const { run } = await put([value, from, to, 'v'])
  expect(await at.sync(run)).toMatchObject({ rowsExtracted: 1, rowsRejected: 1 })
  const [entry] = await at.target.query(
    `select row_key, r.message || c.warnings as said from etl_rejects r join etl_control c using (execution_id) where r.pipeline = $1`,
    [run.pipeline],
  )
  expect(entry).toMatchObject({ row_key: '9007199254740993' })
  expect(entry?.['said']).not.toContain(value.replaceAll("'", ''))
  await expect(at.sync({ ...run, maxRejects: 0 })).rejects.toMatchObject({ code: 'TOO_MANY_REJECTS' })
})
