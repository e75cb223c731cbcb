import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

import { expect, it } from 'vitest'

import { databasesOf } from '../../bin/flags/environment.js'
import { exitCodes } from '../../bin/exit-code.js'
import { errorCodes } from '../../lib/domain/errors.js'
import { optionalColumns } from '../../lib/chatwoot/source-columns.js'
import { defaults, resolveOptions } from '../../lib/options.js'
import { helpOf } from '../fixtures/cli-fixture.js'
import { blocks, headings, links, names, section, table } from '../fixtures/readme-sections.js'

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

it('tells the default of each option as it is', () => {
  const told = table('Option').map(([option, cell = '']) => {
    const [value] = names(cell)
    return [names(option)[0] ?? '', value] as const
  })
  expect(Object.fromEntries(told.filter(([, value]) => value !== undefined))).toEqual(
    Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, String(value)])),
  )
})

it('lists every option, and none that does not exist', () => {
  const listed = table('Option').map(([option]) => names(option)[0])
  const [, body = ''] = /export interface SyncOptions {([^]*?)\n}/.exec(read('lib/options.ts')) ?? []
  const declared = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name)
  expect(declared).toContain('source')
  expect([...listed].sort()).toEqual([...declared].sort())
  const given = Object.fromEntries(listed.map((name) => [name, undefined]))
  expect(() => resolveOptions({ ...given, source: 'postgres://a', target: 'postgres://b' })).not.toThrow()
})

it('has a line for each error code, and says how each ends', () => {
  const listed = table('Code').map(([code]) => names(code)[0])
  expect(listed).toEqual(Object.keys(errorCodes))
  for (const [code, kind] of Object.entries(errorCodes)) {
    expect(kind, code).toBe(code.startsWith('CONFIG_') ? 'usage' : code === 'LOCKED' ? 'locked' : 'failure')
  }
})

it('has a line for each warning', () => {
  const [, union = ''] =
    /interface Warning {\s*readonly code:([^]*?)readonly message/.exec(read('lib/domain/report.ts')) ?? []
  const declared = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code)
  expect(declared.length).toBeGreaterThan(3)
  expect(table('Warning').map(([code]) => names(code)[0])).toEqual(declared)
})

it('lists the commands that there are', async () => {
  const [, list = ''] = /Commands:\n([^]*?)\n\n/.exec(await helpOf('')) ?? []
  const commands = [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name)
  expect(table('Command').map(([command]) => names(command)[0])).toEqual(commands)
})

it('lists the exit codes that there are', () => {
  expect(table('Exit code').map(([code]) => Number(code))).toEqual(Object.values(exitCodes))
})

it('names no command and no flag that does not exist', async () => {
  const shown = [...blocks('sh'), ...blocks('cron'), ...headings().map(section)]
  const calls = shown.join('\n').matchAll(/npx chatwoot-sync ?([a-z]*)((?: +[^\s`|]+)*)/g)
  const flags = new Map<string, Set<string>>()
  for (const [, command = '', rest = ''] of calls) {
    const found = flags.get(command) ?? new Set()
    flags.set(command, found)
    for (const [flag] of rest.matchAll(/--[a-z-]+/g)) found.add(flag)
  }
  expect(flags.size).toBeGreaterThan(4)
  for (const [command, used] of flags) {
    const help = await helpOf(command)
    for (const flag of used) expect(help, command).toContain(flag)
  }
  const lasting = { '--full': 'sync', '--accept-new-source': 'sync', '--max-delete-share': 'verify' }
  for (const [flag, command] of Object.entries(lasting)) expect(await helpOf(command)).toContain(flag)
})

it('names scripts that there are', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'))
  const named = [...read('README.md').matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name)
  expect(named.length).toBeGreaterThan(5)
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named))
})

it('leads to files and headings that there are', () => {
  const anchors = headings().map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
  const { files, headings: targets } = links()
  expect(anchors).toEqual(expect.arrayContaining(targets))
  expect(files.filter((file) => !existsSync(new URL(`../../${file}`, import.meta.url)))).toEqual([])
})

it('names the columns that a Chatwoot may lack', () => {
  const told = section('Supported versions')
  for (const [name, columns] of Object.entries(optionalColumns)) {
    expect(told).toContain(name)
    for (const column of Object.keys(columns)) expect(told).toMatch(new RegExp(`\`(${name}\\.)?${column}\``))
  }
})

it('the settings to copy are those that the command reads', () => {
  const settings = parseEnv(read('.env.example').replaceAll(/^# (\w+_URL=)/gm, '$1'))
  const [, ...urls] = Object.keys(settings).filter((name) => name.endsWith('_DATABASE_URL'))
  expect(urls).toHaveLength(1)
  expect(() => databasesOf(['source', 'target'], settings)).not.toThrow()
  const single = Object.entries(settings).filter(([name]) => !name.endsWith('_URL'))
  expect(databasesOf(['source', 'target'], Object.fromEntries(single))).toMatchObject({
    source: { user: 'chatwoot_read' },
    target: { user: 'analytics', database: 'analytics' },
  })
})
