import { expect, it } from 'vitest'

import { chatwootTemplate } from '../fixtures/chatwoot-template.js'
import { MarkdownPage, names } from '../fixtures/markdown-page.js'
import { oddities } from '../fixtures/old-view-oddities.js'
import { oldViewColumns } from '../fixtures/old-view-oracle.js'
import type { readTexts } from '../fixtures/sync-fixture.js'
import { openSync } from '../fixtures/sync-fixture.js'

const page = new MarkdownPage('docs/moving-from-python.md')
const formulas = page.table('Column').map(([column = '', , formula = '']) => ({
  column: names(column)[0] ?? '',
  formula: names(formula)[0] ?? '',
}))

it('the page on moving has each column that differs from the old view, with a formula that returns the old value', async () => {
  const size = 120
  await using at = await openSync(await chatwootTemplate(size))
  await at.source.query(oddities(0.25))
  await at.sync()
  const ofDate = oldViewColumns.map(([name]) => name)
  const cells = (prefix: string) => ofDate.map((name) => `${prefix}.${name}::text`).join(', ')
  const [old, now, computed] = await inOneTransaction(at.target, [
    `select ${cells('v')} from vw_conversas_analytics_v3 v order by v.conversation_id`,
    `select ${cells('v')} from vw_conversas_analytics v order by v.conversation_id`,
    `select ${formulas.map(({ column, formula }) => `(${formula})::${typeOf(column)}::text`).join(', ')}
     from conversas_analytics
     order by conversation_id`,
  ])
  const columnsOf = (rows: readonly (readonly (string | null)[])[] | undefined, place: number) =>
    rows?.map((row) => row[place])
  const different = ofDate.filter(
    (_, place) => JSON.stringify(columnsOf(old, place)) !== JSON.stringify(columnsOf(now, place)),
  )
  const told = formulas.map(({ column }) => column)
  expect(different.filter((column) => !told.includes(column))).toEqual([])
  for (const [place, { column }] of formulas.entries()) {
    expect(columnsOf(computed, place), column).toEqual(columnsOf(old, ofDate.indexOf(column)))
  }
  expect(different.length).toBeGreaterThan(55)
})

const typeOf = (column: string) => oldViewColumns.find(([name]) => name === column)?.[1] ?? 'text'

/** At one time of reading. */
async function inOneTransaction(target: Parameters<typeof readTexts>[0], queries: readonly string[]) {
  const client = await target.pool.connect()
  try {
    await client.query('begin')
    const found: (readonly (string | null)[])[][] = []
    for (const text of queries)
      found.push((await client.query<(string | null)[]>({ text, rowMode: 'array' })).rows)
    await client.query('commit')
    return found
  } finally {
    client.release()
  }
}
