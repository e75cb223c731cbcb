import { expect, it } from 'vitest'

import {
  checkHealth,
  forgetContact,
  migrate,
  partitionTable,
  replicateToLake,
  verifyConversations,
  type PartitionOptions,
} from '../../lib/index.js'
import { lakeDifferences, openPlace } from '../fixtures/lake-fixture.js'
import { rowsOf } from '../fixtures/partition-fixture.js'
import { differences, insertConversation, openSmallSync } from '../fixtures/sync-fixture.js'

/** Conversations of January to April of 2026 in a source, and a target that has them. */
async function openConversations() {
  const at = await openSmallSync()
  for (const month of ['01', '01', '02', '03', '04']) {
    const stamp = `2026-${month}-05 15:00:00.123456`
    await insertConversation(at.source, { created_at: stamp, updated_at: stamp, last_activity_at: stamp })
  }
  await at.sync()
  const partition = (options: Partial<PartitionOptions> = {}) =>
    partitionTable({ target: at.target.url, monthsAhead: 0, ...options })
  const verify = (options = {}) =>
    verifyConversations({ source: at.source.url, target: at.target.url, ...options })
  const months = async () => {
    const rows = await at.target.query<{ month: string }>(
      `select right(inhrelid::regclass::text, 6) as month
       from pg_inherits
       where inhparent = 'conversas_analytics'::regclass and inhrelid::regclass::text ~ '\\d$'
       order by month`,
    )
    return rows.map(({ month }) => month)
  }
  const touch = (id: number, more = '') =>
    at.source.query(
      `update conversations set status = (status + 1) % 3, updated_at = clock_timestamp() at time zone 'UTC' ${more} where id = ${id}`,
    )
  return Object.assign(at, { partition, verify, months, touch })
}

it('the runs before and after it go on from one another, in either direction', async () => {
  await using at = await openConversations()
  await at.partition()
  await at.touch(2)
  expect(await at.sync()).toMatchObject({
    loadType: 'incremental',
    reason: null,
    rowsUpdated: 1,
    warnings: [],
  })
  expect(await differences(at)).toEqual([])
  expect(await at.verify()).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsDouble: 0 })

  await at.partition({ dropBefore: 'conversas_analytics_before' })
  await at.partition({ undo: true })
  await at.touch(3)
  expect(await at.sync()).toMatchObject({
    loadType: 'incremental',
    reason: null,
    rowsUpdated: 1,
    warnings: [],
  })
  expect(await differences(at)).toEqual([])
})

it('a conversation whose time moves is moved to its month, and is never there twice', async () => {
  await using at = await openConversations()
  await at.partition()
  await at.touch(1, `, created_at = '2026-03-09'`)
  expect(await at.sync()).toMatchObject({ rowsInserted: 0, rowsUpdated: 1 })
  expect(
    await at.target.query(
      'select tableoid::regclass::text as month from conversas_analytics where conversation_id = 1',
    ),
  ).toEqual([{ month: 'conversas_analytics_202603' }])
  expect(await at.verify()).toMatchObject({ rowsDouble: 0 })
})

it('a key that is there twice is a difference of its own, and repairing it keeps the row of the source', async () => {
  await using at = await openConversations()
  await at.partition()
  const names = `account_id, inbox_id, status, contact_id`
  await at.target.query(`
    -- The right one is stale, the wrong one newer; of the other key the source has no row.
    update conversas_analytics set contact_name = 'stale' where conversation_id = 1;
    insert into conversas_analytics (conversation_id, conversation_created_at, ${names})
    select conversation_id, timestamp '2026-02-20', ${names} from conversas_analytics where conversation_id in (1, 2);
    insert into conversas_analytics (conversation_id, conversation_created_at)
    values (77, '2026-01-03'), (77, '2026-02-03'), (77, '2026-03-03')`)
  const before = await at.target.query(
    'select etl_inserted_at::text from conversas_analytics where conversation_id = 2 and conversation_created_at < $1',
    ['2026-02-01'],
  )

  const found = await at.verify()
  expect(found).toMatchObject({ rowsDouble: 3, rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsRepaired: 0 })
  expect(found.differingKeys).toEqual(['1', '2', '77'])
  const health = await checkHealth({ target: at.target.url })
  expect(health.checks).toContainEqual(expect.objectContaining({ name: 'differences', value: 3 }))

  expect(await at.verify({ repair: true, maxDeleteShare: 1 })).toMatchObject({
    rowsDouble: 3,
    rowsRepaired: 3,
  })
  expect(await at.verify()).toMatchObject({ rowsDouble: 0, rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
  expect(await differences(at)).toEqual([])
  expect(
    await at.target.query('select etl_inserted_at::text from conversas_analytics where conversation_id = 2'),
  ).toEqual(before)
  expect(
    await at.target.query(
      'select count(*)::integer as rows from conversas_analytics where conversation_id = 77',
    ),
  ).toEqual([{ rows: 1 }])
})

it('runs and migrate make the months ahead', async () => {
  await using at = await openConversations()
  await at.partition()
  const made = await at.months()
  await at.target.query('update etl_partitioning set months_ahead = 2')
  await at.touch(1)
  await at.sync()
  expect(await at.months()).toHaveLength(made.length + 2)
  await at.target.query('update etl_partitioning set months_ahead = 3')
  await migrate({ target: at.target.url })
  expect(await at.months()).toHaveLength(made.length + 3)
  expect(await at.partition({ monthsAhead: 5 })).toMatchObject({ action: 'months-added', months: 2 })
  expect(await at.partition({ monthsAhead: 5 })).toMatchObject({ action: 'months-added', months: 0 })
})

it('a run of a role that may not create tables makes them too', async () => {
  await using at = await openConversations()
  await at.partition()
  const made = await at.months()
  const role = `loader_${process.pid}`
  await at.target.query(`
    update etl_partitioning set months_ahead = 1;
    create role ${role} login password 'secret';
    grant usage on schema public to ${role};
    grant select, insert, update, delete on all tables in schema public to ${role};
    grant execute on all functions in schema public to ${role}`)
  try {
    await at.touch(1)
    const url = Object.assign(new URL(at.target.url), { username: role, password: 'secret' }).href
    await at.sync({ target: url })
    expect(await at.months()).toHaveLength(made.length + 1)
  } finally {
    await at.target.query(`drop owned by ${role}; drop role ${role}`)
  }
})

it('rows of a month that is not there are in the default partition, health says so, and partition makes the month', async () => {
  await using at = await openConversations()
  await at.partition()
  const stamp = '2021-05-05 12:00'
  await insertConversation(at.source, { created_at: stamp })
  await at.sync({ loadType: 'full' })
  const { checks } = await checkHealth({ target: at.target.url })
  expect(checks).toContainEqual(
    expect.objectContaining({ name: 'default-partition', outcome: 'warning', value: 1 }),
  )
  const rows = await rowsOf(at.target)
  expect(await at.partition()).toMatchObject({ action: 'months-added', months: 1 })
  expect(await rowsOf(at.target)).toEqual(rows)
  expect(await at.months()).toContain('202105')
  expect(await at.target.query('select 1 from conversas_analytics_default')).toEqual([])
  expect((await checkHealth({ target: at.target.url })).checks).toContainEqual(
    expect.objectContaining({ name: 'default-partition', outcome: 'ok' }),
  )
})

it('health shows the table of before with its age and size', async () => {
  await using at = await openConversations()
  await at.partition()
  await at.target.query(`update etl_partitioning set before_at = before_at - interval '31 days'`)
  const { checks } = await checkHealth({ target: at.target.url, language: 'en' })
  expect(checks).toContainEqual(
    expect.objectContaining({
      name: 'earlier-table',
      outcome: 'warning',
      message: expect.stringMatching(/kept for 31 d: .*conversas_analytics_before.*, \d+ kB\.$/),
      remedy: expect.stringContaining('--drop-before'),
    }),
  )
})

it('a contact that is forgotten is gone from the table of before, and from what is being built', async () => {
  await using at = await openConversations()
  await at.partition()
  await at.partition({ dropBefore: 'conversas_analytics_before' })
  await at
    .partition({
      undo: true,
      onProgress: ({ phase }) => {
        if (phase === 'indexes') throw new Error('stopped')
      },
    })
    .catch(() => undefined)
  const { target } = at
  expect(await forgetContact({ target: target.url, contactId: 1, dryRun: true })).toMatchObject({
    ...{ rowsOwn: 5, rowsInCopies: 5 },
  })
  expect(await forgetContact({ target: target.url, contactId: 1 })).toMatchObject({ rowsInCopies: 5 })
  expect(await rowsOf(target, 'conversas_analytics_new')).toEqual([])
  await at.partition({ undo: true })
  await target.query(
    `insert into conversas_analytics_before (conversation_id, conversation_created_at, contact_id) values (9, '2026-01-01', 2)`,
  )
  expect(await forgetContact({ target: target.url, contactId: 2 })).toMatchObject({
    ...{ rowsOwn: 0, rowsInCopies: 1 },
  })
  expect(await rowsOf(target, 'conversas_analytics_before')).toEqual([])
})

it('a lake goes on with the new table, and writes every month once', async () => {
  await using at = await openConversations()
  await using place = await openPlace()
  const to = place.at('lake')
  const replicate = () => replicateToLake({ target: at.target.url, to })
  await replicate()
  await at.partition()
  expect(await replicate()).toMatchObject({ committed: true, rowsWritten: 5 })
  expect(await lakeDifferences(at.target, to)).toEqual([])
  await at.touch(3)
  await at.sync()
  expect(await replicate()).toMatchObject({ committed: true, months: ['2026-02'] })
  expect(await lakeDifferences(at.target, to)).toEqual([])
})
