import { expect, it } from 'vitest'

import type { ConversationRow } from '../../lib/chatwoot/row.js'
import { openEmptySync, readTexts } from '../fixtures/sync-fixture.js'

const deep = `${'['.repeat(5000)}1${']'.repeat(5000)}`

const values: [type: string, value: string][] = [
  ['jsonb', '{"id": 12345678901234567890, "ratio": 0.12345678901234567890}'],
  ['jsonb', '{"more": 1e400, "less": -1e400, "exact": 1.00}'],
  ['json', '{"b": 1.0, "a":  9007199254740993, "b": 2}'],
  ['json', String.raw`{"half": "\ud800", "__proto__": [null]}`],
  ['json', deep],
  ['jsonb', 'null'],
  ['text[]', '{{a,b},{c,d}}'],
  ['text[]', '[5:6]={a,b}'],
  ['text[]', '{"NULL",NULL,""," a","\\"","\\\\"}'],
]

/** Each value in a row of its own, through a transform, and what the target then holds of `body`. */
async function through(
  type: string,
  rows: readonly string[],
  transform: (row: Record<string, unknown>) => object,
) {
  await using at = await openEmptySync()
  for (const database of [at.source, at.target])
    await database.query(`create table notes (id bigint primary key, changed_at timestamp, body ${type})`)
  for (const [index, text] of rows.entries())
    await at.source.query(`insert into notes values ($1, '2026-01-01', $2::${type})`, [index, text])
  const relation = { name: 'notes', key: 'id', changedAt: 'changed_at' }
  // Its columns are not those of a conversation, for which the option is typed.
  const hook = (row: ConversationRow) => transform(row) as ConversationRow
  await at.sync({ relation, table: 'notes', transform: hook })
  const read = 'select body from notes order by id'
  return { source: await readTexts(at.source, read), target: await readTexts(at.target, read) }
}

it.each(['json', 'jsonb', 'text[]'])(
  'keeps each character of a %s that a transform leaves alone',
  async (type) => {
    const texts = values.flatMap(([of, value]) => (of === type ? [value] : []))
    for (const transform of [(row: object) => row, (row: object) => structuredClone(row)]) {
      const { source, target } = await through(
        type,
        texts.filter((text) => text !== deep),
        transform,
      )
      expect(target).toEqual(source)
    }
  },
)

it('keeps json that is nested deeper than JavaScript can walk', async () => {
  const { source, target } = await through('json', [deep], (row) => ({ ...row }))
  expect(target).toEqual(source)
})

it('writes what a transform changes within a value, or in place of it', async () => {
  const { target } = await through(
    'jsonb',
    ['{"a": [1, {"b": 2}]}', '{"a": 1e400}', '[1]', 'null'],
    (row) => {
      const { body } = row
      if (Array.isArray(body)) body.push(2)
      else if (row['id'] === '0') Reflect.set(Object(Reflect.get(Object(body), 'a'))[1], 'b', 3)
      else if (row['id'] === '1') Reflect.set(Object(body), 'a', null)
      else return { ...row, body: { made: new Date(0) } }
      return row
    },
  )
  expect(target).toEqual([
    ['{"a": [1, {"b": 3}]}'],
    ['{"a": null}'],
    ['[1, 2]'],
    ['{"made": "1970-01-01T00:00:00.000Z"}'],
  ])
})

const relationOf = { name: 'notes', key: 'id', changedAt: 'changed_at' }

/** A table of these columns with one row of these values on the source, and what the target holds of it after a transform. */
async function carried(
  columns: Readonly<Record<string, readonly [type: string, value: string]>>,
  transform: (row: Record<string, unknown>) => unknown,
) {
  await using at = await openEmptySync()
  const entries = Object.entries(columns)
  const names = entries.map(([name]) => `"${name}"`)
  const defined = entries.map(([, [type]], index) => `${names[index] ?? ''} ${type}`).join(', ')
  for (const { query } of [at.source, at.target]) {
    await query(`create table notes (id bigint primary key, changed_at timestamp, ${defined})`)
  }
  const values = entries.map(([, [, value]]) => `'${value}'`).join(', ')
  await at.source.query(`insert into notes values (1, '2026-01-01', ${values})`)
  const report = await at.sync({
    relation: relationOf,
    table: 'notes',
    transform: (row) => transform(row) as ConversationRow,
  })
  const [stored] = await readTexts(at.target, `select ${names.join(', ')} from notes`)
  return { report, stored, source: (await readTexts(at.source, `select ${names.join(', ')} from notes`))[0] }
}

it('shows bytea as a Buffer, and stores a Buffer and a Uint8Array', async () => {
  const { stored } = await carried(
    {
      same: ['bytea', String.raw`\x00ff5c`],
      buffer: ['bytea', String.raw`\x01`],
      part: ['bytea', String.raw`\x02`],
      text: ['bytea', String.raw`\x03`],
      list: ['bytea[]', String.raw`{"\\x04"}`],
    },
    (row) => {
      expect(row['same']).toEqual(Buffer.from([0, 255, 92]))
      const bytes = new Uint8Array([9, 0, 255])
      const given = { buffer: Buffer.from('00ff', 'hex'), part: bytes.subarray(1), text: String.raw`\x0a` }
      return { ...row, ...given, list: [new Uint8Array([7]), null] }
    },
  )
  const expected = [String.raw`\x00ff5c`, String.raw`\x00ff`, String.raw`\x00ff`, String.raw`\x0a`]
  expect(stored).toEqual([...expected, String.raw`{"\\x07",NULL}`])
})

const deepList = String.raw`{{a,"b,c"},{NULL,"NULL"}}`

it('shows arrays of texts as arrays of their depth, and stores arrays of any depth', async () => {
  const { stored } = await carried(
    {
      same: ['text[]', deepList],
      copied: ['text[]', deepList],
      shifted: ['text[]', String.raw`[5:6]={"x\\y","q\"r"}`],
      grown: ['text[]', deepList],
      numbers: ['integer[]', '[0:1]={1,2}'],
      made: ['integer[]', '{}'],
      docs: ['jsonb[]', '{}'],
      times: ['timestamptz[]', '{}'],
    },
    (row) => {
      expect(row['same']).toEqual([
        ['a', 'b,c'],
        [null, 'NULL'],
      ])
      expect(row['shifted']).toEqual([String.raw`x\y`, 'q"r'])
      expect(row['numbers']).toBe('[0:1]={1,2}')
      const copy = (name: string) => [...(row[name] as unknown[])]
      return {
        ...row,
        copied: copy('copied'),
        shifted: copy('shifted'),
        grown: [...copy('grown'), ['new', String.raw`"\{},`]],
        made: [
          [1, null],
          [3n, 4],
        ],
        docs: [{ a: ['"'] }, null, 'x'],
        times: [new Date(0)],
      }
    },
  )
  expect(stored).toEqual([
    deepList,
    deepList,
    String.raw`[5:6]={"x\\y","q\"r"}`,
    String.raw`{{a,"b,c"},{NULL,"NULL"},{new,"\"\\{},"}}`,
    '[0:1]={1,2}',
    '{{1,NULL},{3,4}}',
    String.raw`{"{\"a\": [\"\\\"\"]}",NULL,"\"x\""}`,
    '{"1970-01-01 00:00:00+00"}',
  ])
})

it('rejects a row with an array that has no shape, rather than store a part of it', async () => {
  const { report, stored } = await carried({ list: ['text[]', deepList] }, (row) => ({
    ...row,
    list: [...(row['list'] as unknown[]), 'new'],
  }))
  expect({ rejected: report.rowsRejected, stored }).toEqual({ rejected: 1, stored: undefined })
})

it('makes NaN, infinity and a missing value NULL, as those of the source, and stores any Date', async () => {
  const { stored } = await carried(
    {
      ratio: ['double precision', '1'],
      amount: ['numeric(10,2)', '1'],
      small: ['real', '1'],
      at: ['timestamptz', '2026-01-01'],
      gone: ['interval', '1 mon'],
      last: ['timestamptz', '2026-01-01'],
      before: ['timestamp', '2026-01-01'],
      day: ['date', '2026-01-01'],
      said: ['text', 'x'],
    },
    (row) => ({
      ...row,
      ...{ ratio: NaN, amount: -Infinity, small: 'Infinity', at: 'infinity', gone: undefined, said: NaN },
      ...{ last: new Date(8.64e15), before: new Date(-8e13), day: new Date(0) },
    }),
  )
  expect(stored).toEqual([
    ...[null, null, null, null, null],
    ...['275760-09-13 00:00:00+00', '0567-11-26 01:46:40 BC', '1970-01-01', 'NaN'],
  ])
})

it('stores a BigInt, drops what is no column, and takes nothing from a prototype', async () => {
  const columns = { big: ['bigint', '9007199254740993'], said: ['text', 'x'], kept: ['text', 'y'] } as const
  const { stored, report } = await carried(columns, (row) =>
    Object.assign(Object.create({ said: 'inherited', kept: 'inherited' }), {
      ...row,
      big: BigInt(String(row['big'])) + 1n,
      said: undefined,
      more: 1,
    }),
  )
  expect(stored).toEqual(['9007199254740994', null, 'y'])
  expect(report).toMatchObject({ rowsInserted: 1, rowsRejected: 0 })
})

it('fails for a row with another key, and says so', async () => {
  await expect(carried({ v: ['text', 'x'] }, (row) => ({ ...row, id: 101 }))).rejects.toMatchObject({
    code: 'HOOK_FAILED',
    message: expect.stringContaining('changed the id of a row, which is its key'),
  })
})

class Point {
  readonly x = 1
}

it.each([
  ['text', new Map([[1, 2]]), 'an instance of Map'],
  ['text', new Point(), 'an instance of Point'],
  ['jsonb', { deep: [new Set([1])] }, 'an instance of Set'],
  ['jsonb', { run: () => 1 }, 'a function'],
  ['text', Symbol('x'), 'a symbol'],
  ['timestamptz', new Date(NaN), 'a Date without a time'],
  ['text[]', [new Map()], 'an instance of Map'],
])('fails for the %s that %s cannot be, and names the column', async (type, value, what) => {
  const value0 = type === 'jsonb' ? '{}' : type === 'text[]' ? '{}' : '2026-01-01'
  await expect(carried({ body: [type, value0] }, (row) => ({ ...row, body: value }))).rejects.toMatchObject({
    code: 'HOOK_FAILED',
    message: expect.stringContaining(`returned ${what} for the column body`),
    details: { hook: 'transform', column: 'body' },
  })
})

it.each([
  ['undefined', () => undefined],
  ['Promise', async (row: object) => row],
  ['Array', () => []],
  ['string', () => 'x'],
])('fails for %s in place of a row', async (what, transform) => {
  await expect(carried({ body: ['text', 'x'] }, transform)).rejects.toMatchObject({
    code: 'HOOK_FAILED',
    message: expect.stringContaining(`returned ${what}, which is no row`),
  })
})

it('carries columns of any name', async () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', '0', ' ']
  const columns = Object.fromEntries([...names, 'x'].map((name) => [name, ['text', `of ${name}`] as const]))
  Object.defineProperty(columns, '__proto__', { value: ['text', 'of __proto__'], enumerable: true })
  for (const transform of [(row: object) => row, (row: object) => ({ ...row })]) {
    const { stored, source } = await carried(columns, transform)
    expect(stored).toEqual(source)
    expect(stored).toContain('of __proto__')
  }
  const left = await carried(columns, ({ id, changed_at }) => ({ id, changed_at }))
  expect(left.stored?.every((cell) => cell === null)).toBe(true)
})

it('leaves a text that the column cannot read to the server, and to the transform', async () => {
  await using at = await openEmptySync()
  await at.source.query(`
    create table notes (id bigint primary key, changed_at timestamp, n text, j text, b text);
    insert into notes values (1, '2026-01-01', 'seven', '{', 'yes'), (2, '2026-01-01', '007', '1', 'yes')`)
  await at.target.query(
    'create table notes (id bigint primary key, changed_at timestamp, n integer, j jsonb, b boolean)',
  )
  const options = { relation: relationOf, table: 'notes' }
  const read = 'select id, n, j, b from notes order by id'
  expect(await at.sync({ ...options, transform: (row) => ({ ...row }) })).toMatchObject({ rowsRejected: 1 })
  expect(await readTexts(at.target, read)).toEqual([['2', '7', '1', 't']])
  const corrected = (row: ConversationRow): ConversationRow =>
    Reflect.get(row, 'n') === 'seven' ? Object.assign(row, { n: 7, j: {} }) : row
  expect(await at.sync({ ...options, transform: corrected })).toMatchObject({ rowsRejected: 0 })
  expect(await readTexts(at.target, read)).toEqual([
    ['1', '7', '{}', 't'],
    ['2', '7', '1', 't'],
  ])
})
