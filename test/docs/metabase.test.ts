import { readdirSync } from 'node:fs'

import { expect, it } from 'vitest'

import { openDashboardDatabase } from '../fixtures/dashboard-database.js'
import { MarkdownPage, names, readText } from '../fixtures/markdown-page.js'

const folder = 'examples/metabase/'
const questions = readdirSync(new URL(`../../${folder}`, import.meta.url)).filter((name) =>
  name.endsWith('.sql'),
)

/** As Metabase does it: a part in [[ ]] goes where its variable has no value, and each variable becomes a literal. */
function substitute(text: string, values: Readonly<Record<string, string | undefined>>): string {
  return text
    .replaceAll(/\[\[([^\]]*)\]\]/g, (_, part: string) => {
      const [, name = ''] = /\{\{(\w+)\}\}/.exec(part) ?? []
      return values[name] === undefined ? '' : part
    })
    .replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? `no value for ${name}`)
}

it('every question runs with the grants of its page, and returns the columns that it names', async () => {
  await using at = await openDashboardDatabase(`${folder}README.md`)
  expect(questions.length).toBeGreaterThan(14)
  for (const hours of [undefined, `'on'`]) {
    const values = {
      account: `${at.range.account}`,
      since: `date '${at.range.since}'`,
      until: `date '${at.range.until}'`,
      business_hours: hours,
    }
    for (const name of questions) {
      const text = readText(`${folder}${name}`)
      const { fields, rows } = await at.client.query(substitute(text, values)).catch((cause: unknown) => {
        throw new Error(name, { cause })
      })
      const [, columns = ''] = /^-- Chart: [a-z ]+\. Columns: (.*)\.$/m.exec(text) ?? []
      expect(
        fields.map((field) => field.name),
        name,
      ).toEqual(columns.split(', '))
      expect(rows.length, name).toBeGreaterThan(0)
    }
  }
})

it('the page has the variables of the questions', () => {
  const told = new MarkdownPage(`${folder}README.md`).table('Variable').flatMap(([name]) => names(name))
  const used = questions.flatMap((name) =>
    [...readText(`${folder}${name}`).matchAll(/\{\{(\w+)\}\}/g)].map(([, variable]) => variable),
  )
  expect([...new Set(used)].sort()).toEqual(told.sort())
})
