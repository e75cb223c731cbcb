import { parseEnv } from 'node:util'

import { describe, expect, it } from 'vitest'

import { databasesOf } from '../../bin/flags/databases.js'
import { exitCodes } from '../../bin/process/exit-code.js'
import { errorCodes } from '../../lib/domain/errors.js'
import { helpOf } from '../fixtures/cli-fixture.js'
import { englishPages, MarkdownPage, names, portuguesePages, readText } from '../fixtures/markdown-page.js'

const readme = new MarkdownPage('README.md')

describe.each(['README.md', 'README.pt-BR.md'])('%s', (path) => {
  const page = new MarkdownPage(path)

  it('has at most 250 lines and 2,500 words', () => {
    expect(page.text.trimEnd().split('\n').length).toBeLessThanOrEqual(250)
    expect(page.text.match(/\S+/g)?.length).toBeLessThanOrEqual(2500)
  })

  it('builds the command before it calls it', () => {
    const shell = page.blocks('sh').join('\n')
    const built = shell.indexOf('npm run build')
    expect(built).toBeGreaterThan(shell.indexOf('npm ci'))
    expect(shell.search(/npx chatwoot-sync|chatwoot-sync\.cjs/)).toBeGreaterThan(built)
  })

  it('links every page of docs/, in its own language where there is one', () => {
    const inPortuguese = (english: string) => english.replace('docs/', 'docs/pt-BR/')
    const wanted = englishPages.map((english) =>
      path === 'README.pt-BR.md' && portuguesePages.includes(inPortuguese(english))
        ? inPortuguese(english)
        : english,
    )
    expect(page.links().map(({ file }) => file)).toEqual(expect.arrayContaining(wanted))
  })
})

it('lists the commands that there are', async () => {
  const [, list = ''] = /Commands:\n([^]*?)\n\n/.exec(await helpOf('')) ?? []
  const commands = [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name)
  expect(readme.table('Command').map(([command]) => names(command)[0])).toEqual(commands)
})

it('lists the exit codes that there are', () => {
  expect(readme.table('Exit code').map(([code]) => Number(code))).toEqual(Object.values(exitCodes))
})

it('names error codes that there are, each once', () => {
  const listed = readme.table('Error codes').flatMap(([codes]) => names(codes))
  expect(listed.length).toBeGreaterThan(10)
  expect(Object.keys(errorCodes)).toEqual(expect.arrayContaining(listed))
  expect(new Set(listed).size).toBe(listed.length)
})

it('the settings to copy are those that the command reads', () => {
  const settings = parseEnv(readText('.env.example').replaceAll(/^# (\w+_URL=)/gm, '$1'))
  const [, ...urls] = Object.keys(settings).filter((name) => name.endsWith('_DATABASE_URL'))
  expect(urls).toHaveLength(1)
  expect(() => databasesOf(['source', 'target'], settings)).not.toThrow()
  const single = Object.entries(settings).filter(([name]) => !name.endsWith('_URL'))
  expect(databasesOf(['source', 'target'], Object.fromEntries(single))).toMatchObject({
    source: { user: 'chatwoot_read' },
    target: { user: 'analytics', database: 'analytics' },
  })
})
