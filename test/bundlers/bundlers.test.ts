import { join } from 'node:path'

import { build, type BuildOptions } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { openConsumer, type Consumer } from '../fixtures/consumer.js'
import { openEmptySync, type SyncFixture } from '../fixtures/sync-fixture.js'

let consumer: Consumer
beforeAll(async () => {
  consumer = await openConsumer({
    webpack: '5.113.0',
    'webpack-cli': '7.3.1',
    jest: '30.5.2',
    next: '16.4.6',
    react: '19.3.1',
    'react-dom': '19.3.1',
    bun: '1.4.5',
  })
  await consumer.write('main.mjs', `import * as library from 'chatwoot-sync'\n${work}\n${printed}`)
}, 600_000)
afterAll(() => consumer[Symbol.asyncDispose]())

let at: SyncFixture
beforeEach(async () => {
  at = await openEmptySync()
  await at.source.query(`
    create table items (id integer primary key, updated_at timestamptz default now());
    insert into items select generate_series(1, 3)`)
  await at.target.query('create table stored (id integer primary key, updated_at timestamptz)')
})
afterEach(() => at[Symbol.asyncDispose]())

/** What an application does with the package: the migrations need its files, a relation of one's own does not. */
const work = `async function work({ migrate, syncConversations }) {
  const { SOURCE: source, TARGET: target } = process.env
  const migrated = await migrate({ target }).then(
    () => 'done',
    ({ code, remedy }) => code + ': ' + remedy,
  )
  const relation = { name: 'items', key: 'id', changedAt: 'updated_at' }
  const report = await syncConversations({ source, target, relation, table: 'stored', pipeline: 'items' })
  return { migrated, inserted: report.rowsInserted }
}`
const printed = 'void work(library).then((result) => console.log(JSON.stringify(result)))'

const whole = { migrated: 'done', inserted: 3 }
const withoutFiles = { migrated: expect.stringMatching(/^CONFIG_INVALID: .*leave it out/), inserted: 3 }

const databases = () => ({ SOURCE: at.source.url, TARGET: at.target.url })

const result = async (program: string, ...args: readonly string[]): Promise<unknown> => {
  const { stdout } = await consumer.run(program, args, databases())
  // Next prints lines of its own before it.
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

it('works from CommonJS', async () => {
  await consumer.write('main.cjs', `const library = require('chatwoot-sync')\n${work}\n${printed}`)
  expect(await result(process.execPath, 'main.cjs')).toEqual(whole)
})

describe('esbuild', () => {
  const bundle = async (name: string, options: BuildOptions) => {
    const outfile = join(consumer.folder, name)
    const entryPoints = [join(consumer.folder, 'main.mjs')]
    await build({
      entryPoints,
      outfile,
      bundle: true,
      platform: 'node',
      external: ['pg-native'],
      logLevel: 'error',
      ...options,
    })
    return result(process.execPath, name)
  }
  // What was CommonJS asks for require, which an ES module has to be given.
  const banner = {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  }

  it('bundles it into CommonJS, which says what to do where files are missing', async () => {
    const logOverride = { 'empty-import-meta': 'silent' } as const
    expect(await bundle('bundle.cjs', { format: 'cjs', logOverride })).toEqual(withoutFiles)
  })

  it('bundles it into an ES module, with the same words', async () => {
    expect(await bundle('bundle.mjs', { format: 'esm', banner })).toEqual(withoutFiles)
  })

  it.each(['cjs', 'esm'] as const)(
    'leaves it out of a bundle in %s that then works whole',
    async (format) => {
      const name = format === 'cjs' ? 'apart.cjs' : 'apart.mjs'
      expect(await bundle(name, { format, external: ['chatwoot-sync'] })).toEqual(whole)
    },
  )
})

describe('webpack', () => {
  const bundle = async (name: string, more: string) => {
    await consumer.write(
      `${name}.config.cjs`,
      `module.exports = {
        mode: 'development', devtool: false, target: 'node20', entry: './main.mjs',
        output: { path: __dirname, filename: '${name}.cjs' }, ${more}
      }`,
    )
    await consumer.run('npx', ['--no-install', 'webpack', '--config', `${name}.config.cjs`])
    return result(process.execPath, `${name}.cjs`)
  }

  it('bundles it', async () => {
    expect(await bundle('packed', `externals: { 'pg-native': 'commonjs pg-native' }`)).toMatchObject({
      inserted: 3,
    })
  })

  it('leaves it out of a bundle that then works whole', async () => {
    expect(await bundle('outside', `externals: { 'chatwoot-sync': 'commonjs chatwoot-sync' }`)).toEqual(whole)
  })
})

it('works in Jest', async () => {
  await consumer.write(
    'sync.test.mjs',
    `import * as library from 'chatwoot-sync'\n${work}
    test('syncs', async () => expect(await work(library)).toEqual(${JSON.stringify(whole)}))`,
  )
  const args = [
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    '--cacheDirectory',
    'jest-cache',
    '--testMatch',
    '**/sync.test.mjs',
  ]
  const { stderr } = await consumer.run(process.execPath, args, databases())
  expect(stderr).toContain('1 passed')
})

it('works in Bun', async () => {
  expect(await result(join(consumer.folder, 'node_modules/.bin/bun'), 'main.mjs')).toEqual(whole)
})

describe('a server of Next', () => {
  const serve = async (config: string) => {
    await consumer.write('next.config.mjs', `export default { ${config} }`)
    await consumer.write('app/layout.js', layoutOfNext)
    await consumer.write('app/sync/route.js', routeOfNext)
    await consumer.write('call.mjs', callOfNext)
    const settings = { ...databases(), NEXT_TELEMETRY_DISABLED: '1' }
    await consumer.run('npx', ['--no-install', 'next', 'build'], settings)
    return result(process.execPath, 'call.mjs')
  }

  it('works whole where it leaves the package out', async () => {
    expect(await serve(`serverExternalPackages: ['chatwoot-sync']`)).toEqual(whole)
  }, 600_000)

  it('bundles it without a setting', async () => {
    expect(await serve('')).toMatchObject({ inserted: 3 })
  }, 600_000)
})

const layoutOfNext = 'export default ({ children }) => <html><body>{children}</body></html>'

const routeOfNext = `
  import * as library from 'chatwoot-sync'
  export const dynamic = 'force-dynamic'
  ${work}
  export const GET = async () => Response.json(await work(library))`

/** Starts the server on a port of its own, calls the route once and stops the server. */
const callOfNext = `
  import { createServer } from 'node:http'
  import { parse } from 'node:url'
  import next from 'next'
  const app = next({ dev: false, dir: process.cwd() })
  await app.prepare()
  const handle = app.getRequestHandler()
  const server = createServer((request, response) => handle(request, response, parse(request.url, true)))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const response = await fetch('http://127.0.0.1:' + server.address().port + '/sync')
  console.log(await response.text())
  process.exit(response.ok ? 0 : 1)
`
