import { expect, it } from 'vitest'

import { columnPages, describedColumns, formulaOf, type DescribedColumn } from '../../.ci/column-pages.js'
import { earlierFormulas } from '../../.ci/earlier-formulas.js'
import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { addedColumns } from '../../lib/chatwoot/added-columns.js'
import { allPages, MarkdownPage, names, readText } from '../fixtures/markdown-page.js'
import { oddities } from '../fixtures/old-view-oddities.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { cloneDatabase, templateOf } from '../setup/database.js'

const page = new MarkdownPage('docs/columns.md')

async function described(): Promise<DescribedColumn[]> {
  await using target = await cloneDatabase('target')
  return await target.query<DescribedColumn & Record<string, unknown>>(describedColumns)
}

/** The rows of the page by column, without the line of its type. */
const rows = new Map(
  page.text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const cells = line.slice(2, -2).split(' | ')
      return [names(cells[0])[0] ?? '', cells] as const
    }),
)

it('the pages of columns are what the database says', async () => {
  const pages = columnPages(await described())
  expect([...pages.keys()]).toEqual(['docs/columns.md', 'docs/pt-BR/columns.md'])
  for (const [path, text] of pages) expect(readText(path), `${path}: run npm run schema`).toBe(text)
})

it('names the column that has no comment, no source and no meaning in Portuguese', async () => {
  const columns = await described()
  const without = columns.map((column) => (column.name === 'labels' ? { ...column, comment: null } : column))
  expect(() => columnPages(without)).toThrow('no comment in the database: labels.')
  const more = [
    ...columns,
    { relation: 'conversas_analytics', name: 'mood', type: 'text', comment: 'How it is.' },
  ]
  expect(() => columnPages(more)).toThrow(
    /no source or formula in .*facts\.ts: mood; no meaning in .*-pt\.ts: mood\.$/,
  )
  const less = columns.filter(({ name }) => name !== 'labels')
  expect(() => columnPages(less)).toThrow('described, but not in the database: labels.')
})

it('the page has each column of the table and of its view once', async () => {
  const columns = await described()
  const current = columns.filter(({ relation }) => relation !== 'vw_conversas_analytics_v3')
  expect([...rows.keys()].sort()).toEqual([...new Set(current.map(({ name }) => name))].sort())
  expect(page.text.match(/^\| `/gm)).toHaveLength(rows.size)
})

it('each formula of the page returns what the column holds', async () => {
  const size = 120
  const template = await templateOf('source', `dashboards_${size}`, async (url) =>
    createChatwootSource(url, { conversations: size }),
  )
  await using at = await openSync(template)
  await at.source.query(oddities(0.25))
  await at.sync()
  const columns = await at.target.query<DescribedColumn & Record<string, unknown>>(describedColumns)
  const wrong: string[] = []
  let tried = 0
  for (const [name] of rows) {
    const formula = formulaOf(name)
    const column = columns.find((each) => each.name === name)
    if (formula === undefined || !column) continue
    tried += 1
    // Both at one time of reading.
    const found = await at.target.query(
      `select r.conversation_id, r.value::text, c.${name}::text as stored
       from (select conversation_id, (${formula})::${column.type} as value from conversas_analytics) r
       join ${column.relation} c on c.conversation_id = r.conversation_id
       where r.value is distinct from c.${name}
       limit 3`,
    )
    if (found.length > 0) wrong.push(`${name}: ${JSON.stringify(found)}`)
  }
  expect(wrong).toEqual([])
  expect(tried).toBeGreaterThan(85)
})

it('each column that changed says in both languages what it held before, as the page on data does', async () => {
  const comments = new Map((await described()).map(({ name, comment }) => [name, comment ?? '']))
  for (const [name, formula] of Object.entries(earlierFormulas)) {
    const [, said] =
      / Before(?:, always the latter)?: (.*?)\. Privacy/.exec(`${comments.get(name)} Privacy`) ?? []
    if (said !== undefined) expect(said, name).toBe(formula)
    for (const [path, word] of [
      ['docs/columns.md', 'Before'],
      ['docs/pt-BR/columns.md', 'Antes'],
    ] as const) {
      const text = readText(path)
      const row = text.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? ''
      expect(row.match(new RegExp(`${word}\\b`, 'g')), name).toHaveLength(1)
      expect(row).toContain(
        `](data.md#${word === 'Before' ? 'columns-that-changed' : 'colunas-que-mudaram'}): \`${formula}\` |`,
      )
    }
    for (const path of ['docs/data.md', 'docs/pt-BR/data.md']) {
      if (said !== undefined) expect(readText(path)).toContain(`| \`${name}\` | \`${formula}\``)
    }
  }
})

it('privacy is that of the code and of the page on personal data', () => {
  const words = { none: 'none', agent: 'agents', personal: 'personal', free: 'free' } as const
  const privacyOf = (name: string) => rows.get(name)?.[5]
  for (const [name, privacy] of Object.entries(addedColumns)) {
    expect(privacyOf(name), name).toBe(words[privacy])
  }
  const section = new MarkdownPage('docs/personal-data.md').section('Which columns hold personal data')
  const told = names(section.replaceAll('\n', ' '))
  const held = [...rows.keys()].filter((name) => privacyOf(name) !== 'none')
  expect(told.filter((name) => !held.includes(name))).toEqual([])
  // Ids, which lead to a person only through other columns.
  const ids = ['assignee_id', 'contact_id', 'client_sender_id']
  expect(held.filter((name) => !told.includes(name)).sort()).toEqual(ids.sort())
})

it('other pages lead to both', () => {
  const linked = (path: string) =>
    allPages.filter((from) => new MarkdownPage(from).links().some(({ file }) => file === path))
  expect(linked('docs/columns.md')).toEqual(expect.arrayContaining(['docs/data.md', 'docs/pt-BR/columns.md']))
  expect(linked('docs/pt-BR/columns.md')).toEqual(
    expect.arrayContaining(['docs/pt-BR/data.md', 'docs/columns.md']),
  )
})
