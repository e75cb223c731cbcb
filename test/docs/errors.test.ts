import { expect, it } from 'vitest'

import { errorCodes } from '../../lib/domain/errors.js'
import { MarkdownPage, names, readText } from '../fixtures/markdown-page.js'

const page = new MarkdownPage('docs/errors.md')

it('has a line with cause and remedy for each error code, and says how each ends', () => {
  expect(page.table('Code').map(([code]) => names(code)[0])).toEqual(Object.keys(errorCodes))
  for (const [code, cause = '', remedy = ''] of page.table('Code')) {
    expect(cause.length, code).toBeGreaterThan(10)
    expect(remedy.length, code).toBeGreaterThan(5)
  }
  for (const [code, kind] of Object.entries(errorCodes)) {
    expect(kind, code).toBe(code.startsWith('CONFIG_') ? 'usage' : code === 'LOCKED' ? 'locked' : 'failure')
  }
})

it('has a line for each warning', () => {
  const [, union = ''] =
    /interface Warning {\s*readonly code:([^]*?)readonly message/.exec(readText('lib/domain/report.ts')) ?? []
  const declared = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code)
  expect(declared.length).toBeGreaterThan(3)
  expect(page.table('Warning').map(([code]) => names(code)[0])).toEqual(declared)
})

it('has a line for each problem of the API, with its status', () => {
  const api = new MarkdownPage('docs/api.md')
  const listed = api.table('Problem').map(([code, status]) => [names(code)[0], Number(status)])
  const [, table = ''] = /requestProblems = {([^]*?)\n}/.exec(readText('lib/server/problem.ts')) ?? []
  const declared = [...table.matchAll(/^ {2}([A-Z_]+): \[(\d+),/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ])
  expect(declared.length).toBeGreaterThan(5)
  expect(listed).toEqual(declared)
})

it('has a line for each metric', () => {
  const listed = new MarkdownPage('docs/api.md').table('Metric').flatMap(([name]) => names(name))
  const declared = [...readText('lib/server/metrics.ts').matchAll(/(?:counter|gauge)\(\s*'(\w+)'/g)].map(
    ([, name]) => `chatwoot_sync_${name}`,
  )
  expect(declared.length).toBeGreaterThan(10)
  expect([...listed].sort()).toEqual(declared.sort())
})
