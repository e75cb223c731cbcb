import { expect, it } from 'vitest'

import { earlierFormulas } from '../../.ci/earlier-formulas.js'
import { addedColumns, changedColumns } from '../../lib/chatwoot/added-columns.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'
import { verifyConversations } from '../../lib/operations/verify/verify.js'
import { syncConversations } from '../../lib/sync.js'
import { describeSchema } from '../fixtures/describe-schema.js'
import { openFirstTarget } from '../fixtures/first-release.js'
import { openMigrationFixture } from '../fixtures/migration-fixture.js'
import { insert, insertConversation, insertMessage, openSmallSync } from '../fixtures/sync-fixture.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'

const reason = 'the table has new columns, which a migration added'

async function lastRun(target: TestDatabase) {
  const [run] = await target.query(
    `select load_type, reason, status, fingerprint from etl_control order by started_at desc limit 1`,
  )
  return run
}

it('a table of the first release is loaded as before until it is migrated, and then read once', async () => {
  await using source = await cloneDatabase('source')
  await using target = await openFirstTarget()
  const shared = { source: source.url, target: target.url, chatwootUrl: 'https://chat.example/' }
  const sync = () => syncConversations({ ...shared, retryBudget: 0 })

  const before = await sync()
  // The fingerprint that the first release computes of the same source and table: the state of its runs stays valid.
  expect(await lastRun(target)).toMatchObject({ fingerprint: '1d656ea52c2f1571b35436204c56766f' })
  expect(before.warnings[0]).toMatchObject({
    code: 'COLUMNS_IGNORED',
    message: expect.stringContaining('reporting_events'),
  })
  expect(await sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })

  const { notes } = await migrate({ target: target.url })
  expect(notes.join(' ')).toContain('it reads everything once')
  const waiting = verifyConversations({ ...shared, repair: true })
  await expect(waiting).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('new columns'),
  })
  const after = await sync()
  expect(after).toMatchObject({ loadType: 'full', reason, rowsInserted: 0 })
  expect(after.warnings.map(({ code }) => code)).toEqual(['TIME_ZONE_UNKNOWN'])
  expect(await sync()).toMatchObject({ loadType: 'incremental', reason: null, rowsUpdated: 0 })
  const empty = Object.keys(addedColumns).map((name) => `count(${name})::integer as ${name}`)
  const [counts] = await target.query(`select ${empty.join(', ')} from conversas_analytics`)
  expect(Object.entries(counts ?? {}).filter(([, count]) => count === 0)).toEqual([])
})

it('the read of the new columns is resumed where it was interrupted, and no second one follows', async () => {
  await using source = await cloneDatabase('source')
  await using target = await openFirstTarget()
  const options = { source: source.url, target: target.url, retryBudget: 0 }
  await syncConversations(options)
  await migrate({ target: target.url })
  const stop = new AbortController()
  const stopped = syncConversations({
    ...options,
    batchSize: 20,
    signal: stop.signal,
    onProgress: ({ rowsExtracted }) => {
      if (rowsExtracted >= 60) stop.abort()
    },
  })
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
  const resumed = await syncConversations(options)
  expect(resumed).toMatchObject({ loadType: 'full', reason: expect.stringMatching(/^resumes the full load/) })
  expect(resumed.rowsExtracted).toBeLessThan(160)
  expect(await syncConversations(options)).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
})

it('the schema after the upgrade is that of a new target', async () => {
  await using target = await openFirstTarget()
  await using fresh = await openMigrationFixture()
  await using upgraded = await openMigrationFixture()
  await migrate({ target: fresh.target })
  await migrate({ target: target.url })
  await migrate({ target: upgraded.target })
  expect(await describeSchema(upgraded.client)).toEqual(await describeSchema(fresh.client))
})

it('the old value of each column that changed can be computed', async () => {
  await using source = await cloneDatabase('source')
  await using first = await openFirstTarget()
  await using target = await cloneDatabase('target')
  for (const each of [first, target]) await syncConversations({ source: source.url, target: each.url })
  expect([...Object.keys(earlierFormulas), 'labels'].sort()).toEqual([...changedColumns].sort())
  for (const [column, formula] of Object.entries(earlierFormulas)) {
    const ofNow = await target.query(
      `select (${formula})::text as value from conversas_analytics order by conversation_id`,
    )
    const ofThen = await first.query(
      `select ${column}::text as value from conversas_analytics order by conversation_id`,
    )
    expect(ofNow, column).toEqual(ofThen)
  }
})

it('without the right to read a table its columns are NULL, and everything is read once when the right comes', async () => {
  await using at = await openSmallSync()
  const id = await insertConversation(at.source, { status: 1 })
  await insertMessage(at.source, id)
  await insert(at.source, 'reporting_events', {
    ...{ name: 'conversation_resolved', value: 60, conversation_id: id, created_at: '2026-01-05' },
    ...{ updated_at: '2026-01-05', event_end_time: '2026-01-05' },
  })
  const role = `limited_${at.source.name}`
  await at.source.query(`create role ${role} login password 'limited'`)
  await at.source.query(`grant usage on schema public to ${role}`)
  await at.source.query(`grant select on all tables in schema public to ${role}`)
  const url = new URL(at.source.url)
  Object.assign(url, { username: role, password: 'limited' })
  const options = { source: url.href }
  const stored = async () =>
    (await at.target.query('select * from conversas_analytics where conversation_id = $1', [id]))[0]
  try {
    await at.source.query(`revoke select on reporting_events from ${role}`)
    await at.sync(options)
    expect(await stored()).toMatchObject({
      reporting_events: null,
      resolutions_count: null,
      reopened_count: null,
      resolution_source: 'stamp',
    })
    await at.source.query(
      `grant select (id, name, value, conversation_id, inbox_id, user_id, created_at) on reporting_events to ${role}`,
    )
    expect(await at.sync(options)).toMatchObject({ loadType: 'full', rowsUpdated: 1 })
    expect(await stored()).toMatchObject({
      ...{ resolutions_count: 1, resolution_source: 'event', resolved_at: '2026-01-05 00:00:00' },
      ...{ chatwoot_resolution_business_seconds: null },
    })
    await at.source.query(`grant select on reporting_events to ${role}`)
    expect(await at.sync(options)).toMatchObject({ loadType: 'full' })
    expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
  } finally {
    await at.source.query(`drop owned by ${role}`)
    await at.source.query(`drop role ${role}`)
  }
})

it('a release without a table, or with another type of a column, leaves the columns that come from there NULL', async () => {
  await using at = await openSmallSync()
  const id = await insertConversation(at.source, { status: 1 })
  await insertMessage(at.source, id, { message_type: 1, sender_type: 'AgentBot', sender_id: 1 })
  await at.source.query('alter table reporting_events alter column value type text')
  await at.sync()
  const stored = async () =>
    (await at.target.query('select * from conversas_analytics where conversation_id = $1', [id]))[0]
  const without = {
    reporting_events: null,
    resolutions_count: null,
    reopened_count: null,
    is_bot_resolved: true,
  }
  expect(await stored()).toMatchObject(without)
  await at.source.query('drop table reporting_events')
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
  expect(await stored()).toMatchObject(without)
})
