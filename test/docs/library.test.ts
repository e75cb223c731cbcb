import { expect, it } from 'vitest'

import { defaults } from '../../lib/options.js'
import { resolveOptions } from '../../lib/resolve-options.js'
import * as library from '../../lib/index.js'
import { optionalColumns } from '../../lib/chatwoot/tables.js'
import { MarkdownPage, names, readText } from '../fixtures/markdown-page.js'

const page = new MarkdownPage('docs/library.md')

it('tells the default of each option as it is', () => {
  const told = page.table('Option').map(([option, cell = '']) => {
    const [value] = names(cell)
    return [names(option)[0] ?? '', value] as const
  })
  expect(Object.fromEntries(told.filter(([, value]) => value !== undefined))).toEqual(
    Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, String(value)])),
  )
})

it('lists every option, and none that does not exist', () => {
  const listed = page.table('Option').map(([option]) => names(option)[0])
  const declared = fieldsOf('lib/options.ts', 'SyncOptions')
  expect(declared).toContain('source')
  expect([...listed].sort()).toEqual([...declared].sort())
  const given = Object.fromEntries(listed.map((name) => [name, undefined]))
  expect(() => resolveOptions({ ...given, source: 'postgres://a', target: 'postgres://b' })).not.toThrow()
})

it('lists every function that the package exports', () => {
  const listed = page.table('Function').flatMap(([name]) => names(name))
  const functions = Object.entries(library).filter(
    ([name]) => /^[a-z]/.test(name) && typeof library[name as never] === 'function',
  )
  expect([...listed].sort()).toEqual(functions.map(([name]) => name).sort())
})

it('lists the fields of both reports as they are', () => {
  const run = page.table('Field of the report').flatMap(([name]) => names(name))
  const declared = [
    ...fieldsOf('lib/domain/report.ts', 'SyncReport'),
    ...fieldsOf('lib/domain/report.ts', 'Counts'),
  ]
  expect([...run].sort()).toEqual(declared.sort())
  const comparison = page.table('Field of the comparison').flatMap(([name]) => names(name))
  expect([...comparison].sort()).toEqual(fieldsOf('lib/domain/verification.ts', 'VerifyReport').sort())
})

it('names the columns that a Chatwoot may lack', () => {
  const told = new MarkdownPage('docs/supported-versions.md').text
  for (const [name, columns] of Object.entries(optionalColumns)) {
    expect(told).toContain(name)
    for (const column of Object.keys(columns)) expect(told).toMatch(new RegExp(`\`(${name}\\.)?${column}\``))
  }
})

function fieldsOf(file: string, type: string): string[] {
  const [, body = ''] = new RegExp(`export interface ${type}[^{]*{([^]*?)\\n}`).exec(readText(file)) ?? []
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = '']) => name)
}
