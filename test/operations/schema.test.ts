import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { describe, expect, it } from 'vitest'

import { diagnose } from '../../lib/operations/doctor/diagnose.js'
import { forgetContact } from '../../lib/operations/forget-contact.js'
import { checkHealth } from '../../lib/operations/health/check-health.js'
import { sendAlerts } from '../../lib/operations/alerts/send-alerts.js'
import { readRejects } from '../../lib/operations/rejects.js'
import { readStatus } from '../../lib/operations/status.js'
import { takeRunLock } from '../../lib/postgres/control/run-start.js'
import { openSession } from '../../lib/postgres/driver/connect.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'
import { openRunReader } from '../../lib/server/run-reader.js'
import { syncConversations } from '../../lib/sync.js'
import { openReceiver } from '../fixtures/alerts-fixture.js'
import { openPair, openShell } from '../fixtures/cli-fixture.js'
import { inQuotes, openTenants, throughPath } from '../fixtures/tenants-fixture.js'
import { cloneDatabase } from '../setup/database.js'
import { chatwootSize } from '../setup/templates.js'

const odd = `Loja "Centro" d'água \\ .$& á`

/** The same two for every test, as each other pair would be migrated anew. */
const openBoth = () => openTenants('tenant_a', odd)

it('keeps two tenants in one database apart, whatever their schemas are called', async () => {
  await using at = await openBoth()
  const reports = await Promise.all(at.tenants.map((tenant) => tenant.sync()))
  expect(reports.map(({ rowsInserted }) => rowsInserted)).toEqual([chatwootSize, chatwootSize])
  const [a, b] = at.tenants
  await b?.source.query(
    `update conversations set status = 2, updated_at = clock_timestamp() at time zone 'UTC' where id <= 3`,
  )
  expect(await a?.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
  expect(await b?.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 3 })
  await a?.query('delete from our.conversas_analytics where conversation_id = 1')
  expect(await b?.verify()).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
  expect(await a?.verify({ repair: true })).toMatchObject({ rowsMissing: 1, rowsRepaired: 1 })

  const target = at.target.url
  for (const { schema, query, source } of at.tenants) {
    const where = { target, schema }
    expect(await readStatus(where)).toHaveLength(2)
    expect(await readRejects(where)).toEqual({ reasons: [], rows: [] })
    expect(await checkHealth({ ...where, source: source.url })).toMatchObject({ outcome: 'ok' })
    const { checks } = await diagnose({ ...where, source: source.url })
    expect(checks.filter(({ name, outcome }) => name.startsWith('target-') && outcome !== 'ok')).toEqual([])
    const [contact] = await query('select contact_id from our.conversas_analytics order by 1 limit 1')
    expect(await forgetContact({ ...where, contactId: Number(contact?.['contact_id']) })).not.toMatchObject({
      rowsOwn: 0,
    })
  }
  expect(
    await at.target.query(`select relname from pg_class where relnamespace = 'public'::regnamespace`),
  ).toEqual([])
})

describe('locks', () => {
  it('are held for each schema, and health of one does not see that of another', async () => {
    await using at = await openBoth()
    const where = { target: at.target.url, pipeline: 'conversations' }
    await using a = await openSession('target', where.target, { ...connection, schema: 'tenant_a' })
    await using b = await openSession('target', where.target, { ...connection, schema: odd })
    for (const { query } of at.tenants) await query(`insert into our.etl_control (load_type) values ('full')`)
    const running = async (schema: string) => {
      const { checks } = await checkHealth({ ...where, schema })
      return checks.find(({ name }) => name === 'running-run')?.outcome
    }
    await takeRunLock(b, 'conversations')
    expect([await running('tenant_a'), await running(odd)]).toEqual(['warning', 'ok'])
    await takeRunLock(a, 'conversations')
    expect([await running('tenant_a'), await running(odd)]).toEqual(['ok', 'ok'])
    await using other = await openSession('target', where.target, { ...connection, schema: 'tenant_a' })
    await expect(takeRunLock(other, 'conversations')).rejects.toMatchObject({ code: 'LOCKED' })
  })

  it.each([
    ['public', undefined],
    ['public', 'public'],
    ['tenant_a', undefined],
  ])('of tables in %s exclude an earlier release, where the option is %s', async (place, schema) => {
    await using at = place === 'public' ? await openPublic() : await openBoth()
    await using client = await connect(at.target)
    await client.query(`select pg_advisory_lock(hashtextextended('chatwoot-sync run conversations', 0))`)
    const url = throughPath(at.target, place)
    await using session = await openSession('target', url, { ...connection, schema })
    await expect(takeRunLock(session, 'conversations')).rejects.toMatchObject({ code: 'LOCKED' })
  })
})

it('is where a Kysely of the caller works too, which finds its path as it was', async () => {
  await using at = await openBoth()
  const pool = new pg.Pool({ connectionString: at.target.url, max: 1 })
  const db = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
  const report = await at.tenants[1]?.sync({ target: db })
  expect(report).toMatchObject({ status: 'success', rowsInserted: chatwootSize })
  expect((await pool.query('show search_path')).rows).toEqual([{ search_path: '"$user", public' }])
  await db.destroy()
})

it('says how to create a schema where the role may not', async () => {
  await using target = await cloneDatabase('target', 'template1')
  const role = `tenant_${target.name}`
  await target.query(`create role ${role} login password 'x'`)
  try {
    const url = new URL(target.url)
    Object.assign(url, { username: role, password: 'x' })
    await expect(migrate({ target: url.href, schema: 'Loja 1' })).rejects.toMatchObject({
      code: 'TARGET_FORBIDDEN',
      message: expect.stringContaining(`create schema "Loja 1" authorization "${role}"`),
    })
    await target.query(`create schema "Loja 1" authorization ${role}`)
    expect(await migrate({ target: url.href, schema: 'Loja 1' })).toMatchObject({ alreadyApplied: 0 })
    expect(await migrate({ target: url.href, schema: 'Loja 1' })).toMatchObject({ applied: [] })
  } finally {
    await target.query(`drop owned by ${role}; drop role ${role}`)
  }
})

it('never takes the tables of another schema for those of the one that is named', async () => {
  await using at = await openBoth()
  const target = throughPath(at.target, 'tenant_a')
  const where = { target, schema: 'tenant_b' }
  const source = at.tenants[0]?.source.url ?? ''
  const run = () => syncConversations({ ...where, source, retryBudget: 0 })
  const notMigrated = {
    code: 'TARGET_NOT_MIGRATED',
    remedy: 'Run chatwoot-sync migrate --schema tenant_b.',
  }
  await expect(run()).rejects.toMatchObject(notMigrated)
  await expect(readStatus(where)).rejects.toMatchObject(notMigrated)
  await expect(forgetContact({ ...where, contactId: 1 })).rejects.toMatchObject(notMigrated)
  expect(await checkHealth(where)).toMatchObject({
    healthy: false,
    checks: [{ remedy: notMigrated.remedy }],
  })
  expect(await checkHealth({ ...where, language: 'pt-BR' })).toMatchObject({
    checks: [{ remedy: 'Execute chatwoot-sync migrate --schema tenant_b.' }],
  })
  const nowhere = { target: 'postgres://nobody@127.0.0.1:1/none', schema: 'tenant_b' }
  expect(await checkHealth({ ...nowhere, language: 'pt-BR' })).toMatchObject({
    checks: [{ remedy: 'Execute chatwoot-sync doctor --schema tenant_b.' }],
  })
  const { checks } = await diagnose({ ...where, source })
  expect(checks.find(({ name }) => name === 'target-migrated')).toMatchObject({
    outcome: 'critical',
    remedy: notMigrated.remedy,
  })
  await migrate(where)
  await at.target.query('alter table tenant_b.conversas_analytics rename contact_name to elsewhere')
  await expect(run()).rejects.toMatchObject({
    code: 'TARGET_COLUMN_MISSING',
    remedy: 'Run chatwoot-sync migrate --schema tenant_b, or add it.',
  })
  await at.target.query('drop table tenant_b.conversas_analytics cascade')
  await expect(run()).rejects.toMatchObject(notMigrated)
})

it('is the same from the command line, by the environment or a flag', async () => {
  await using shell = await openShell()
  await using pair = await openPair(5)
  const variables = { ...pair.variables, LOCAL_DB_SCHEMA: odd }
  for (const command of [
    ['migrate'],
    ['sync'],
    ['verify', '--repair'],
    ['rejects'],
    ['health'],
    ['status'],
  ]) {
    expect(await shell.run([...command, '--json'], variables)).toMatchObject({ code: 0 })
  }
  const { stdout } = await shell.run(['status', '--json', '--schema', odd], pair.variables)
  expect(JSON.parse(stdout)).toMatchObject({ runs: [{ status: 'success', rowsInserted: 5 }] })
  expect(await pair.target.query('select from etl_control')).toEqual([])
  const [loaded] = await pair.target.query(
    `select count(*)::integer as rows from ${inQuotes(odd)}.conversas_analytics`,
  )
  expect(loaded).toEqual({ rows: 5 })
  const { checks }: { checks: { name: string; outcome: string }[] } = JSON.parse(
    (await shell.run(['doctor', '--json'], variables)).stdout,
  )
  expect(checks.find(({ name }) => name === 'target-migrated')).toMatchObject({ outcome: 'ok' })
})

it('is the one whose runs the page shows, and whose alerts are sent', async () => {
  await using at = await openBoth()
  const [a, b] = at.tenants
  const target = at.target.url
  await a?.sync()
  await using reader = openRunReader({ target, schema: odd })
  expect(await reader.readRuns({ limit: 10 })).toMatchObject({ runs: [] })
  await b?.sync()
  expect((await reader.readRuns({ limit: 10 })).runs).toHaveLength(1)
  expect(await reader.readStats()).toMatchObject({ isLocked: false, rejections: [] })
  await a?.query(
    "insert into our.etl_rejects (pipeline, row_key, sql_state, message) values ('conversations', '1', '22003', 'x')",
  )
  await using sink = await openReceiver()
  const channels = { webhook: sink.url }
  expect(await sendAlerts({ target, schema: odd, channels })).toEqual([])
  expect(await sendAlerts({ target, schema: 'tenant_a', channels })).toHaveLength(1)
  expect(await a?.query('select kind from our.etl_alerts')).toEqual([{ kind: 'rejected-rows' }])
  expect(await b?.query('select kind from our.etl_alerts')).toEqual([])
})

it.each(['', 'pg_mine', 'information_schema', 'x'.repeat(64), 'a\0b'])(
  'rejects the name %j',
  async (schema) => {
    const target = 'postgres://nowhere.invalid/x'
    const invalid = expect.objectContaining({ code: 'CONFIG_INVALID' })
    await expect(syncConversations({ source: target, target, schema })).rejects.toEqual(invalid)
    await expect(migrate({ target, schema })).rejects.toEqual(invalid)
    await expect(checkHealth({ target, schema })).rejects.toEqual(invalid)
    await expect(readStatus({ target, schema })).rejects.toEqual(invalid)
  },
)

/** The tables in `public`, as without the option. */
async function openPublic() {
  const target = await cloneDatabase('target')
  return { target, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() }
}

const connection = { applicationName: 'test', connectTimeout: 10_000 }

async function connect({ url }: { readonly url: string }) {
  const client = new pg.Client(url)
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}
