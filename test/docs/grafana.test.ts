import { existsSync } from 'node:fs'

import { expect, it } from 'vitest'

import { openDashboardDatabase } from '../fixtures/dashboard-database.js'
import { MarkdownPage, readText } from '../fixtures/markdown-page.js'

interface Target {
  readonly refId: string
  readonly rawSql: string
  readonly format: 'table' | 'time_series'
  readonly datasource: { readonly uid: string }
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig: { readonly overrides: readonly { readonly matcher: { readonly options: string } }[] }
  readonly options: { readonly xField?: string }
  readonly targets: readonly Target[]
}

interface Variable {
  readonly name: string
  readonly type: string
  readonly query: string
  readonly options: readonly { readonly value: string }[]
}

interface Dashboard {
  readonly uid: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
}

const folder = 'examples/grafana/'
const dashboard: Dashboard = JSON.parse(readText(`${folder}dashboards/support-team.json`))
const variables = dashboard.templating.list

/** As Grafana does it: macros of the data source, then variables, which stand as their bare values. */
function substitute(text: string, values: Readonly<Record<string, string>>): string {
  const replaced = text
    .replaceAll('$__timeFrom()', `'${values['from'] ?? ''}'`)
    .replaceAll('$__timeTo()', `'${values['to'] ?? ''}'`)
    .replaceAll(/\$\{?([a-z]\w*)\}?/g, (_, name: string) => values[name] ?? `no variable ${name}`)
  expect(replaced).not.toMatch(/\$/)
  return replaced
}

/** Type oids: of a column that Grafana draws as a time, and of those that it draws as numbers. */
const timestamptz = 1184
const numbers = [20, 21, 23, 700, 701, 1700]

it('every query of the dashboard runs with the grants of its page, and returns what its panel shows', async () => {
  await using at = await openDashboardDatabase(`${folder}README.md`)
  const account = variables.find(({ name }) => name === 'account')
  const accounts = await at.client.query<{ __text: string; __value: number }>(account?.query ?? '')
  expect(accounts.fields.map(({ name }) => name)).toEqual(['__text', '__value'])
  expect(accounts.rows.map(({ __value: id }) => id)).toContain(at.range.account)
  for (const [period, businessHours] of [
    ['hour', 'false'],
    ['week', 'true'],
  ] as const) {
    const values = {
      ...{ account: `${at.range.account}`, period, business_hours: businessHours },
      ...{ from: `${at.range.since}T00:00:00Z`, to: `${at.range.until}T00:00:00Z` },
    }
    for (const panel of dashboard.panels) await check(panel, values)
  }

  async function check(
    { title, type, fieldConfig, options, targets }: Panel,
    values: Record<string, string>,
  ) {
    const names: string[] = []
    for (const { refId, rawSql, format } of targets) {
      const { fields, rows } = await at.client.query(substitute(rawSql, values)).catch((cause: unknown) => {
        throw new Error(`${title} ${refId}: ${rawSql}`, { cause })
      })
      names.push(...fields.map(({ name }) => name))
      expect(rows.length, `${title} ${refId}`).toBeGreaterThan(0)
      expect(
        rows.some((row: Record<string, unknown>) => Object.values(row).some((value) => value !== null)),
        title,
      ).toBe(true)
      const oids = fields.map(({ dataTypeID: oid }) => oid)
      if (format === 'time_series') {
        expect([fields[0]?.name, oids[0]], title).toEqual(['time', timestamptz])
        expect(numbers, title).toContain(oids.at(-1))
        const times = rows.map((row: { time: Date }) => row.time.getTime())
        expect(times, title).toEqual(times.toSorted((one, other) => one - other))
      } else if (type === 'barchart') {
        expect(fields[0]?.name, title).toBe(options.xField)
        expect(
          oids.slice(1).filter((oid) => !numbers.includes(oid)),
          title,
        ).toEqual([])
      }
    }
    expect(names, title).toEqual(
      expect.arrayContaining(fieldConfig.overrides.map(({ matcher }) => matcher.options)),
    )
  }
})

it('panels have ids of their own and do not lie on one another', () => {
  const ids = dashboard.panels.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
  expect(cells.filter((cell) => Number(cell.split(' ')[0]) > 23)).toEqual([])
})

it('queries name the data source that is provisioned, and variables that exist', () => {
  const [, uid] =
    /^ {4}uid: (\S+)$/m.exec(readText(`${folder}provisioning/datasources/chatwoot-sync.yaml`)) ?? []
  const targets = dashboard.panels.flatMap((panel) => panel.targets)
  expect(new Set(targets.map(({ datasource }) => datasource.uid))).toEqual(new Set([uid]))
  const used = targets.flatMap(({ rawSql }) => [...rawSql.matchAll(/\$([a-z]\w*)/g)].map(([, name]) => name))
  expect([...new Set(used)].sort()).toEqual(variables.map(({ name }) => name).sort())
})

it('the page names the variables of the environment that the data source needs', () => {
  const page = readText(`${folder}README.md`)
  const needed = readText(`${folder}provisioning/datasources/chatwoot-sync.yaml`).match(/\$[A-Z_]+/g) ?? []
  expect(needed.length).toBeGreaterThan(5)
  for (const name of needed) expect(page).toContain(`\`${name.slice(1)}\``)
  const [, path = 'none'] =
    /path: (\S+)/.exec(readText(`${folder}provisioning/dashboards/chatwoot-sync.yaml`)) ?? []
  expect(page).toContain(`\`${path}\``)
})

it.each(['examples/grafana/README.md', 'examples/metabase/README.md'])(
  '%s leads to pages that exist',
  (path) => {
    const links = new MarkdownPage(path).links()
    expect(links.length).toBeGreaterThan(1)
    expect(links.filter(({ file }) => !existsSync(new URL(`../../${file}`, import.meta.url)))).toEqual([])
  },
)
