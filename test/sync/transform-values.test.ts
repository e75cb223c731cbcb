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
