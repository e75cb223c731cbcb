import { randomBytes } from 'node:crypto'

import pg from 'pg'
import { expect, it } from 'vitest'

import { oldViewColumns } from '../../lib/chatwoot/added-columns.js'
import { diagnose } from '../../lib/operations/doctor/diagnose.js'
import { readStatus } from '../../lib/operations/status.js'
import {
  checkHealth,
  forgetContact,
  migrate,
  readRejects,
  readReport,
  sendAlerts,
  syncConversations,
  verifyConversations,
} from '../../lib/index.js'
import { createServer, openRunReader } from '../../lib/server/index.js'
import { allPages, MarkdownPage, names } from '../fixtures/markdown-page.js'
import { cloneDatabase, sourceServer, targetServer, type TestDatabase } from '../setup/database.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { chatwootSize } from '../setup/templates.js'

const readme = new MarkdownPage('README.md')
const data = new MarkdownPage('docs/data.md')

/** Roles belong to the whole server, which other tests share: so they get other names. */
const suffix = randomBytes(6).toString('hex')
const password = 'choose-one'

/** The one block of SQL under a heading, statement by statement, with names of this test. */
function statements(heading: string, database: string): string[] {
  const [block = '', ...more] = readme.blocks('sql', heading)
  expect(more).toEqual([])
  return block
    .replaceAll(/\b(chatwoot_read|analytics_sync)\b/g, `$1_${suffix}`)
    .replaceAll(/\b(role|owner) analytics\b/g, `$1 analytics_${suffix}`)
    .replaceAll(/\bdatabase (chatwoot_production|analytics)\b/g, `database ${database}`)
    .replaceAll(/password '[^']+'/g, `password '${password}'`)
    .split(/;\n/)
    .filter((statement) => statement.trim() !== '')
}

async function execute(url: string, texts: readonly string[]): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    for (const text of texts) await client.query(text)
  } finally {
    await client.end()
  }
}

function urlOf(server: string, database: string, user?: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  if (user) Object.assign(url, { username: `${user}_${suffix}`, password })
  return url.href
}

/** What the README sets up: a source with its reader, a target made and migrated by its owner, and the role for the daily runs. */
async function setUp(source: TestDatabase) {
  await execute(source.url, statements('2. A role that may only read', source.name))
  const database = `readme_${suffix}`
  await execute(targetServer(), statements('3. A database for the result', database))
  const owner = urlOf(targetServer(), database, 'analytics')
  await migrate({ target: owner })
  const administrator = urlOf(targetServer(), database)
  await execute(administrator, statements('5. Fewer rights for the daily runs', database))
  return {
    owner,
    administrator,
    reader: urlOf(sourceServer(), source.name, 'chatwoot_read'),
    loader: urlOf(targetServer(), database, 'analytics_sync'),
    [Symbol.asyncDispose]: async () => {
      await execute(source.url, [
        `drop owned by chatwoot_read_${suffix}`,
        `drop role chatwoot_read_${suffix}`,
      ])
      await execute(targetServer(), [
        `drop database ${database} with (force)`,
        `drop role analytics_sync_${suffix}`,
        `drop role analytics_${suffix}`,
      ])
    },
  }
}

it('the roles of the README are enough for every command, and may do no more', async () => {
  await using source = await cloneDatabase('source')
  await using at = await setUp(source)
  const options = { source: at.reader, target: at.loader }

  const { ok, checks } = await diagnose(options)
  expect(checks.filter(({ outcome }) => outcome === 'critical')).toEqual([])
  expect(ok).toBe(true)
  expect(checks).toContainEqual(expect.objectContaining({ name: 'source-read-only', outcome: 'ok' }))

  expect(await syncConversations(options)).toMatchObject({ loadType: 'full', rowsInserted: chatwootSize })
  await source.query(
    `update conversations set status = 1, updated_at = now() at time zone 'UTC' where id < 4`,
  )
  await source.query('update conversations set agent_last_seen_at = now() where id between 10 and 12')
  await source.query('delete from conversations where id = 20')
  expect(await syncConversations(options)).toMatchObject({ loadType: 'incremental' })
  const found = await verifyConversations({ ...options, repair: true })
  expect(found).toMatchObject({ rowsStale: 3, rowsExtra: 1, rowsRepaired: 4 })
  expect(await syncConversations({ ...options, loadType: 'full' })).toMatchObject({ rowsUpdated: 0 })
  expect(await readStatus({ target: at.loader, limit: 5 })).toHaveLength(3)
  expect(await readRejects({ target: at.loader })).toEqual({ reasons: [], rows: [] })
  expect(await checkHealth(options)).toMatchObject({ healthy: true })
  const days = { since: '2020-01-01', until: '2030-01-01', by: 'agent' as const }
  expect(await readReport({ ...options, ...days, account: 1 })).toMatchObject({ account: 1 })
  expect(
    await sendAlerts({ target: at.loader, channels: { webhook: 'http://127.0.0.1:9/' }, retryDelay: 0 }),
  ).toEqual([])
  const reader = openRunReader({ target: at.loader })
  const server = await createServer({
    ...reader,
    startRun: (request) => syncConversations({ ...options, ...request }),
    verify: (request) => verifyConversations({ ...options, ...request }),
    health: () => checkHealth(options),
  })
  for (const path of ['runs', 'stats', 'health']) {
    expect(await server.fetch(new Request(`http://127.0.0.1/api/${path}`)), path).toMatchObject({
      status: 200,
    })
  }
  await server.close()

  await expect(forgetContact({ target: at.loader, contactId: 1 })).rejects.toMatchObject({
    code: 'TARGET_FORBIDDEN',
  })
  expect(await forgetContact({ target: at.owner, contactId: 1 })).toMatchObject({ dryRun: false })
  expect(await syncConversations({ ...options, loadType: 'full' })).toMatchObject({ rowsDeleted: 0 })

  await expect(execute(at.reader, ['select encrypted_password from users'])).rejects.toThrow(
    'permission denied',
  )
  await expect(execute(at.reader, ['delete from conversations'])).rejects.toThrow('permission denied')
  for (const more of [
    'truncate conversas_analytics',
    'delete from conversas_analytics',
    'create table mine ()',
  ]) {
    await expect(execute(at.loader, [more])).rejects.toThrow('permission denied')
  }
})

it('each grant of the README is needed', async () => {
  const [block = ''] = readme.blocks('sql', '2. A role that may only read')
  const [, listed = ''] = /grant select on\n([^]*?)\nto/.exec(block) ?? []
  const tables = listed.split(',').map((name) => name.trim())
  expect(tables).toHaveLength(9)
  await using source = await cloneDatabase('source')
  await using at = await setUp(source)
  const role = `chatwoot_read_${suffix}`
  for (const name of [...tables, 'users (id, name, email)']) {
    const [table = '', columns = ''] = name.split(/ (?=\()/)
    await source.query(`revoke select ${columns} on ${table} from ${role}`)
    const run = syncConversations({ source: at.reader, target: at.owner, dryRun: true })
    await expect(run, name).rejects.toMatchObject({ code: 'SOURCE_FORBIDDEN' })
    await source.query(`grant select ${columns} on ${table} to ${role}`)
  }
})

it('the grants for more columns are all that the doctor asks for, and show no secret', async () => {
  await using source = await cloneDatabase('source')
  await using at = await setUp(source)
  const options = { source: at.reader, target: at.owner }
  const extra = async () => {
    const { checks } = await diagnose(options)
    return checks.filter(({ name }) => name === 'source-extra-rights')
  }
  const [missing] = await extra()
  const [block = ''] = data.blocks('sql', 'Grants for more columns')
  for (const table of [...block.matchAll(/\bon ([a-z_]+) to/g)].map(([, table = '']) => table)) {
    expect(missing?.message).toContain(table)
  }
  await execute(source.url, [block.replaceAll('chatwoot_read', `chatwoot_read_${suffix}`)])
  expect(await extra()).toEqual([])
  for (const secret of [
    'secret from agent_bots',
    'access_token from integrations_hooks',
    'tokens from users',
  ]) {
    await expect(execute(at.reader, [`select ${secret}`])).rejects.toThrow('permission denied')
  }
})

it('the questions to the control table have answers', async () => {
  await using at = await openSync()
  await at.sync()
  await at.source.query('alter table tags rename to gone')
  await expect(at.sync({ loadType: 'full' })).rejects.toMatchObject({ code: 'RELATION_MISSING' })
  await at.source.query('alter table gone rename to tags')
  await verifyConversations({ source: at.source.url, target: at.target.url })

  const [block = ''] = data.blocks('sql', 'Queries to start from')
  const questions = block.split(/;\n/).filter((question) => question.trim() !== '')
  const answers = []
  for (const question of questions) answers.push(await at.target.query(question))

  expect(answers).toEqual([
    [expect.objectContaining({ status: 'failed' }), expect.objectContaining({ rows_inserted: chatwootSize })],
    [expect.objectContaining({ error_code: 'RELATION_MISSING', error_traceback: expect.any(String) })],
    [{ avg_duration: expect.any(String), avg_rows_processed: `${chatwootSize}.0000000000000000` }],
    [{ get_last_successful_watermark: expect.stringMatching(/^\d{4}-/) }],
    [expect.objectContaining({ rows_compared: chatwootSize, rows_stale: 0 })],
  ])
})

it.each([
  ['etl_control', 'Field'],
  ['etl_verification', 'Field of a comparison'],
  ['etl_rejects', 'Field of a rejected row'],
  ['conversas_analytics', 'Column'],
])('names the columns of %s as they are', async (relation, head) => {
  await using target = await cloneDatabase('target')
  const told = data.table(head).flatMap(([field]) => names(field))
  expect([...told].sort()).toEqual((await columnsOf(target, relation)).sort())
})

it('names the columns that only the view has', async () => {
  await using target = await cloneDatabase('target')
  const [table, view] = [
    await columnsOf(target, 'conversas_analytics'),
    await columnsOf(target, 'vw_conversas_analytics'),
  ]
  const told = data.table('Column of the view').flatMap(([field]) => names(field))
  expect([...told].sort()).toEqual(view.filter((name) => !table.includes(name)).sort())
  // Those of the other view, which computes columns of its own from them.
  expect(table.filter((name) => !view.includes(name))).toEqual(['deleted_at', ...oldViewColumns])
})

/** Blocks that other tests run, each with what it needs. */
const elsewhere = [
  ...['create role', 'create database', 'alter table etl_control rename', 'to chatwoot_read;'],
  'to analytics_sync;',
]

it('every other block of SQL in the pages runs on a migrated target', async () => {
  await using target = await cloneDatabase('target')
  const blocks = allPages.flatMap((path) =>
    new MarkdownPage(path).blocks('sql').map((block) => ({ path, block })),
  )
  const runnable = blocks.filter(({ block }) => !elsewhere.some((text) => block.includes(text)))
  expect(runnable.length).toBeGreaterThan(4)
  for (const { path, block } of runnable) {
    const text = block.replaceAll(/\bdatabase analytics\b/g, `database ${target.name}`)
    await expect(execute(target.url, [text]), path).resolves.toBeUndefined()
  }
})

async function columnsOf(target: TestDatabase, relation: string): Promise<string[]> {
  const columns = await target.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = '${relation}'::regclass and attnum > 0 and not attisdropped`,
  )
  return columns.map(({ name }) => name)
}
