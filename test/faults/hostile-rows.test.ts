import { afterAll, beforeAll, expect, it } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import type { SyncOptions } from '../../lib/options.js'
import { hostileRows, isTooLong, withoutNul } from '../fixtures/hostile-rows.js'
import { withKysely } from '../fixtures/rejects-fixture.js'
import { share } from '../setup/share.js'
import { openEmptySync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'

const rows = hostileRows(20261125, share(300, 10_000)).map((row, index) => ({ id: index + 1, ...row }))
const relation = { name: 'hostile', key: 'id', changedAt: 'changed_at' }
/** More than are refused below. */
const maxRejects = 1000

/** Of one type on both sides, so that COPY can carry them in binary. */
const plain = {
  body: 'text',
  short: 'varchar(40)',
  amount: 'numeric',
  ratio: 'double precision',
  at: 'timestamp',
  seen: 'timestamptz',
  day: 'date',
  plain: 'json',
  doc: 'jsonb',
  list: 'text[]',
}
/** Of another type in the target, which the server reads from the text. */
const loose = { parsed: 'jsonb', loose: 'numeric' }

const columnsOf = (types: object) => Object.entries(types).map(([name, type]) => `${name} ${type}`)

let at: SyncFixture

beforeAll(async () => {
  at = await openEmptySync()
  const columns = columnsOf({ ...plain, short: 'text', parsed: 'json', loose: 'text' })
  const texts = columnsOf(
    Object.fromEntries([...Object.keys(plain), 'parsed', 'loose'].map((name) => [name, 'text'])),
  )
  const casts = columns.map((column) => column.replace(/^(\S+) (.+)$/, '$1::$2'))
  await at.source.query(
    `create table hostile (id bigint primary key, changed_at timestamp, ${columns.join(', ')})`,
  )
  await at.source.query(
    `insert into hostile
     select id, '2026-01-01', ${casts.join(', ')} from json_to_recordset($1::json) as r (id bigint, ${texts.join(', ')})`,
    [JSON.stringify(rows)],
  )
  await createWanted()
})

/** What the target makes of each text by itself; null for what it cannot read, or of which it would drop a part. */
async function createWanted(): Promise<void> {
  const texts = rows.map(({ id, parsed, loose: text }) => ({
    id,
    loose_text: text === '' ? null : text,
    parsed_text: parsed === null ? null : withoutNul(parsed),
  }))
  await at.target.query(`
    create function repeats_key(given json) returns boolean language sql as $$
      with recursive node (value, kind) as (
        select given, json_typeof(given)
        union all
        select child.value, json_typeof(child.value)
        from node
        cross join lateral (
          select value from json_each(case when kind = 'object' then node.value else '{}' end)
          union all
          select value from json_array_elements(case when kind = 'array' then node.value else '[]' end)
        ) child
      )
      select exists (
        select 1
        from node
        where kind = 'object'
          and (select count(*) <> count(distinct key) from json_each(node.value))
      ) $$;
    create function read_jsonb(given text) returns jsonb language plpgsql as
      $$ begin return case when not repeats_key(given::json) then given::jsonb end; exception when others then return null; end $$;
    create function read_numeric(given text) returns numeric language plpgsql as
      $$ begin return given::numeric; exception when others then return null; end $$;
    create table wanted (id bigint, parsed_text text, parsed jsonb, loose_text text, loose numeric)`)
  await at.target.query(
    `insert into wanted
     select id, parsed_text, read_jsonb(parsed_text), loose_text, read_numeric(loose_text)
     from json_populate_recordset(null::wanted, $1::json)`,
    [JSON.stringify(texts)],
  )
}

const ids = async (query: string) =>
  (await at.target.query<{ id: string }>(query)).map(({ id }) => Number(id))

afterAll(() => at[Symbol.asyncDispose]())

async function run(table: string, types: object, options: Partial<SyncOptions>) {
  await at.target.query(
    `create table ${table} (id bigint primary key, changed_at timestamp, ${columnsOf(types).join(', ')})`,
  )
  return at.sync({ relation, table, pipeline: table, maxRejects, ...options })
}

/** Ids of rejected rows, in order; each has its reason. */
async function rejected(pipeline: string): Promise<number[]> {
  const entries = await at.target.query<{ id: string; sql_state: string; message: string }>(
    'select row_key as id, sql_state, message from etl_rejects where pipeline = $1 order by row_key::bigint',
    [pipeline],
  )
  expect(entries.filter(({ sql_state: state, message }) => !state || !message)).toEqual([])
  return entries.map(({ id }) => Number(id))
}

const roads: [string, Partial<SyncOptions>][] = [
  ['copy', {}],
  ['cursor', { extractor: 'cursor', keepRejected: true }],
  ['transform', { transform: (row) => structuredClone(row) }],
]

it.each(roads)(
  'hostile rows arrive bit for bit by %s, or are rejected with a reason',
  async (road, options) => {
    const table = `by_${road}`
    const report = await run(table, plain, options)
    const refused = rows.flatMap(({ id, short }) => (isTooLong(short) ? [id] : []))
    expect(refused.length).toBeGreaterThan(rows.length / 1000)
    expect(await rejected(table)).toEqual(refused)
    const arrived = rows.length - refused.length
    expect(report).toMatchObject({
      rowsExtracted: rows.length,
      rowsRejected: refused.length,
      rowsInserted: arrived,
    })
    const wanted = `select id, changed_at, ${finite.join(', ')} from hostile where char_length(short) <= 40`
    const stored = await readTexts(at.target, `select * from ${table} order by id`)
    expect(differing(await readTexts(at.source, `${wanted} order by id`), stored)).toEqual([])
  },
)

/** A value that has to be read from its text goes by no COPY in binary. */
const looseRoads: [string, (work: (options: Partial<SyncOptions>) => Promise<void>) => Promise<void>][] = [
  ['transform', (work) => work({ transform: (row) => structuredClone(row) })],
  [
    'kysely',
    (work) =>
      withKysely(at.source.url, (source) => withKysely(at.target.url, (target) => work({ source, target }))),
  ],
]

it.each(looseRoads)(
  'hostile rows arrive by %s as the target reads their texts, or are rejected',
  async (road, by) => {
    const table = `loose_by_${road}`
    const refused = await ids(`
      select id
      from wanted
      where (parsed is null and parsed_text is not null)
        or (loose is null and loose_text is not null)
      order by id`)
    expect(refused.length).toBeGreaterThan(rows.length / 500)
    await by(async (options) => {
      const report = await run(table, loose, options)
      expect(report).toMatchObject({ rowsExtracted: rows.length, rowsRejected: refused.length })
    })
    expect(await rejected(table)).toEqual(refused)
    const differing = await ids(`
      select id
      from ${table} arrived
      full join wanted using (id)
      where arrived.parsed::text is distinct from wanted.parsed::text
        or arrived.loose::text is distinct from wanted.loose::text`)
    expect(differing.filter((id) => !refused.includes(id))).toEqual([])
  },
)

it('a comparison finds hostile rows equal, but for the rejected ones', async () => {
  const refused = await rejected('by_copy')
  const found = await verifyConversations({
    source: at.source.url,
    target: at.target.url,
    relation,
    table: 'by_copy',
    pipeline: 'by_copy',
  })
  expect(found).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsRejected: refused.length })
})

it('a text that UTF-8 cannot write is rejected when a transform makes it, and never another in its place', async () => {
  const made: Record<string, string> = {
    '3': 'half \ud800 of a pair',
    '5': 'with \0 in it',
    '7': 'whole \ud83d\ude00 pair',
  }
  const transform: SyncOptions['transform'] = (row) => {
    const body = made[String(Reflect.get(row, 'id'))]
    return body === undefined ? row : { ...row, body, list: [body] }
  }
  await run('made', { body: 'text', list: 'text[]' }, { transform })
  expect(await rejected('made')).toEqual([3, 5])
  const stored = await at.target.query('select body, list from made where id = 7')
  expect(stored).toEqual([{ body: made['7'], list: [made['7']] }])
})

/** The columns as they are in the target: what is no number and no time that can be counted with is none. */
const finite = Object.entries(plain).map(([name, type]) => {
  if (/^(timestamp|date)/.test(type)) return `case when isfinite(${name}) then ${name} end`
  if (/^(numeric|double)/.test(type))
    return `case when ${name}::text !~ '^(NaN|-?Infinity)$' then ${name} end`
  return name
})

/** The first rows that differ: of thousands, all would be no help. */
function differing(wanted: readonly unknown[], stored: readonly unknown[]) {
  expect(stored.length).toBe(wanted.length)
  const pairs = wanted.map((row, index) => [JSON.stringify(row), JSON.stringify(stored[index])])
  return pairs.filter(([row, other]) => row !== other).slice(0, 3)
}
