import { existsSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { helpOf } from '../fixtures/cli-fixture.js'
import { allPages, MarkdownPage, readText } from '../fixtures/markdown-page.js'

interface Manifest {
  readonly scripts: Record<string, string>
  readonly exports: Record<string, string | { readonly default: string }>
  readonly files: readonly string[]
}

const manifest: Manifest = JSON.parse(readText('package.json'))
const pages = allPages.map((path) => new MarkdownPage(path))
/** All but the one that also names what is no more. */
const pagesOfToday = pages.filter(({ path }) => path !== 'CHANGELOG.md')

describe.each(pages)('$path', (page) => {
  it('leads to files and headings that exist', () => {
    const root = new URL('../../', import.meta.url)
    const broken = page.links().filter(({ file, anchor }) => {
      if (!existsSync(new URL(file, root))) return true
      if (anchor === undefined) return false
      return !new MarkdownPage(file).headings().some((heading) => heading.anchor === anchor)
    })
    expect(broken).toEqual([])
  })

  it('names scripts that exist', () => {
    const named = [...page.text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name)
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(named))
  })

  it('imports names that the package exports', async () => {
    for (const block of page.blocks('ts')) {
      for (const [, list = '', entry = ''] of block.matchAll(
        /import {([^}]+)} from '(chatwoot-sync[^']*)'/g,
      )) {
        const exported = await exportsOf(entry)
        expect(exported).toEqual(expect.arrayContaining(list.split(',').map((name) => name.trim())))
      }
    }
  })
})

it.each(pagesOfToday)('$path names commands and flags that exist', async (page) => {
  for (const [command, flags] of await callsOf(page)) {
    const help = await helpOf(command)
    for (const flag of flags) expect(help, `${command} ${flag}`).toMatch(new RegExp(`${flag}\\b`))
  }
})

it('finds commands and flags in the pages', async () => {
  const found = new Map<string, Set<string>>()
  for (const page of pagesOfToday) {
    for (const [command, flags] of await callsOf(page)) {
      found.set(command, new Set([...(found.get(command) ?? []), ...flags]))
    }
  }
  expect(found.size).toBeGreaterThan(15)
  expect([...found.values()].reduce((sum, flags) => sum + flags.size, 0)).toBeGreaterThan(30)
})

it('names no flag by itself that no command has', async () => {
  const calls = [...(await commandNames()), 'schedule install', 'schedule print', 'alerts check']
  let all = ''
  for (const command of calls) all += await helpOf(command)
  const named = pages.flatMap((page) =>
    page.inlineCode().flatMap((code) => /^(--[a-z][a-z-]*)/.exec(code)?.[1] ?? []),
  )
  expect(new Set(named).size).toBeGreaterThan(15)
  expect([...new Set(named)].filter((flag) => !new RegExp(`${flag}\\b`).test(all))).toEqual([])
  // The remedies of two errors, which are told without a command.
  for (const [flag, command] of [
    ['--accept-new-source', 'sync'],
    ['--max-delete-share', 'sync'],
    ['--max-delete-share', 'verify'],
  ] as const) {
    expect(await helpOf(command)).toContain(flag)
  }
})

it('lets neither cron nor root run npx, which fetches a package of that name where it finds none', () => {
  const lines = pagesOfToday.flatMap(({ text }) => text.split('\n'))
  const trusted = lines.filter((line) => /^[*\d]\S*( +\S+){4} +cd |\bsudo\b|\| *crontab\b/.test(line))
  expect(trusted.length).toBeGreaterThan(10)
  expect(trusted.filter((line) => /\bnpx\b/.test(line))).toEqual([])
})

it('packs every page that is read outside of a clone', () => {
  const isPacked = (path: string) =>
    manifest.files.includes(path) || (path.startsWith('docs/') && manifest.files.includes('docs/**/*.md'))
  expect(allPages.filter((path) => !isPacked(path))).toEqual(['CONTRIBUTING.md'])
})

/** Commands of chatwoot-sync that a page names, after `npx chatwoot-sync`, after the path of the built command, or at the start of a text in backticks, with their flags. */
async function callsOf(page: MarkdownPage): Promise<Map<string, Set<string>>> {
  const commands = await commandNames()
  const lines = [...page.blocks('sh'), ...page.blocks('cron')].join('\n').replaceAll(/\\\n/g, ' ').split('\n')
  const begin = new RegExp(`^(?:${commands.join('|')})(?: |$)`)
  const calls = [
    ...[...lines, ...page.inlineCode()].flatMap((line) => {
      const [, call] = /(?:npx chatwoot-sync|chatwoot-sync\.cjs) ([a-z][^`|#)]*)/.exec(line) ?? []
      return call === undefined ? [] : [call]
    }),
    ...page.inlineCode().filter((code) => begin.test(code) && code.includes(' ')),
  ]
  const found = new Map<string, Set<string>>()
  for (const call of calls) {
    const [, command = ''] = /^((?:schedule|alerts) [a-z]+|[a-z]+)/.exec(call) ?? []
    const flags = found.get(command) ?? new Set()
    found.set(command, flags)
    for (const [, flag = ''] of call.matchAll(/(?:^| )(--[a-z-]+)/g)) flags.add(flag)
  }
  return found
}

async function commandNames(): Promise<string[]> {
  const [, list = ''] = /Commands:\n([^]*?)\n\n/.exec(await helpOf('')) ?? []
  return [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name)
}

/** The names that an entry of the package exports, of the source of the file that it leads to. */
async function exportsOf(entry: string): Promise<string[]> {
  const target = manifest.exports[entry.replace('chatwoot-sync', '.')]
  const file = typeof target === 'object' ? target.default.replace('./dist/', '../../') : undefined
  if (file === undefined) throw new Error(`package.json exports no ${entry}.`)
  return Object.keys(await import(file))
}
