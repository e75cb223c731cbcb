import { expect, it } from 'vitest'

import type { ConversationRow } from '../../lib/chatwoot/row.js'
import {
  differences,
  fullContent,
  insert,
  insertConversation,
  openSmallSync,
  openSync,
} from '../fixtures/sync-fixture.js'

const changed =
  'the relation, its columns or their protection, the filter, the time zone or the transform changed'
const failed = 'select status, error_code from etl_control'

it('reads only the accounts and inboxes that it is told', async () => {
  await using at = await openSync()
  const inFilter = 'account_id in (1, 2) and inbox_id in (1, 2, 7)'
  const [expected] = await at.source.query<{ count: number }>(
    `select count(*)::integer from conversations where ${inFilter}`,
  )
  const filter = { accounts: [1, 2], inboxes: [1, 2, 7] }

  expect(await at.sync(filter)).toMatchObject({ rowsExtracted: expected?.count })

  const outside = `select from conversas_analytics where not (${inFilter})`
  expect(await at.target.query(outside)).toEqual([])
  await at.source.query(`update conversations set status = 0, updated_at = now() at time zone 'UTC'`)
  await at.sync(filter)
  expect(await at.target.query(outside)).toEqual([])
  const wrong = await differences(at)
  expect(wrong.filter((difference) => !difference.endsWith('is missing'))).toEqual([])
})

it('marks a conversation that left the filter', async () => {
  await using at = await openSmallSync()
  for (let i = 0; i < 6; i++) await insertConversation(at.source)
  await at.sync({ inboxes: [1] })
  await at.source.query(
    `update conversations set inbox_id = 2, updated_at = now() at time zone 'UTC' where id = 2`,
  )
  expect(await at.sync({ inboxes: [1] })).toMatchObject({ loadType: 'incremental', rowsDeleted: 1 })
})

it('leaves the rows of another filter alone when these change', async () => {
  await using at = await openSmallSync()
  const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
  await insert(at.source, 'accounts', { id: 2, name: 'Outra', ...stamps })
  await insertConversation(at.source)
  const other = await insertConversation(at.source, { account_id: 2 })
  const one = { accounts: [1], pipeline: 'one' }
  await at.sync(one)
  await at.sync({ accounts: [2], pipeline: 'two' })
  await at.source.query('update conversations set updated_at = now() where id = $1', [other])

  expect(await at.sync(one)).toMatchObject({ loadType: 'incremental', rowsDeleted: 0 })

  const live = await at.target.query('select from conversas_analytics where deleted_at is null')
  expect(live).toHaveLength(2)
})

it('reads everything once the filter, the time zone or the transform changed', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  await at.sync()
  const expected = { loadType: 'full', reason: changed }
  expect(await at.sync({ accounts: [2, 1] })).toMatchObject(expected)
  expect(await at.sync({ accounts: [1, 2, 2] })).toMatchObject({ loadType: 'incremental', reason: null })
  expect(await at.sync({ timeZone: 'Asia/Tokyo' })).toMatchObject({ ...expected, rowsUpdated: 1 })
  expect(await at.sync({ timeZone: 'Asia/Tokyo', transform: (row) => row })).toMatchObject(expected)
})

it('reads everything once a column has come to the source', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  await at.source.query('alter table conversations drop column priority')
  await at.sync()
  await at.source.query('alter table conversations add column priority integer default 3')
  expect(await at.sync()).toMatchObject({ loadType: 'full', reason: changed, rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
})

it('refuses a time zone that no server knows', async () => {
  await using at = await openSmallSync()
  await expect(at.sync({ timeZone: 'America/Sampa' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('"America/Sampa"'),
  })
})

it('counts in a dry run what a run would do, and writes nothing', async () => {
  await using at = await openSmallSync()
  for (let i = 0; i < 10; i++) await insertConversation(at.source)
  expect(await at.sync({ dryRun: true })).toMatchObject({
    status: 'success',
    dryRun: true,
    loadType: 'full',
    rowsInserted: 10,
  })
  expect(await fullContent(at.target)).toEqual([[], []])

  await at.sync()
  const before = await fullContent(at.target)
  const now = `now() at time zone 'UTC'`
  await at.source.query(`update conversations set status = 1, updated_at = ${now} where id in (3, 4)`)
  await insertConversation(at.source, { updated_at: '2100-01-01' })
  await at.source.query('delete from conversations where id = 7')
  await insert(at.source, 'messages', {
    ...{ account_id: 1, inbox_id: 1, conversation_id: 7, message_type: 0, content_type: 0, private: false },
    ...{ created_at: '2100-01-01', updated_at: '2100-01-01' },
  })

  const counts = { dryRun: true, rowsInserted: 1, rowsUpdated: 2, rowsDeleted: 1 }
  expect(await at.sync({ dryRun: true })).toMatchObject({ ...counts, loadType: 'incremental' })
  const full = { loadType: 'full', dryRun: true, batchSize: 3 } as const
  expect(await at.sync(full)).toMatchObject({ ...counts, rowsExtracted: 10, rowsUnchanged: 7 })
  expect(await fullContent(at.target)).toEqual(before)

  expect(await at.sync()).toMatchObject({ rowsInserted: 1, rowsUpdated: 2, rowsDeleted: 1 })
})

it('leaves no row for a dry run that fails', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  const onProgress = () => {
    throw new Error('no')
  }
  await expect(at.sync({ dryRun: true, onProgress })).rejects.toMatchObject({ code: 'HOOK_FAILED' })
  expect(await fullContent(at.target)).toEqual([[], []])
})

it('loads rows as transform changes them, and leaves out those for which it gives null', async () => {
  await using at = await openSmallSync()
  await insert(at.source, 'tags', { id: 1, name: 'a "b" \\ c' })
  const tagging = { tag_id: 1, taggable_type: 'Conversation', context: 'labels' }
  for (let i = 1; i < 7; i++) {
    await insert(at.source, 'taggings', { ...tagging, taggable_id: await insertConversation(at.source) })
  }
  await at.sync()
  const seen: ConversationRow[] = []
  const transform = (row: ConversationRow) => {
    seen.push(row)
    if (row.conversation_id === 2) return null
    return { ...row, contact_name: null, labels: [...(row.labels ?? []), 'x,{}'] }
  }

  const report = await at.sync({ transform })

  expect(report).toMatchObject({ loadType: 'full', rowsExtracted: 5, rowsUpdated: 5, rowsDeleted: 1 })
  expect(seen[0]).toMatchObject({
    conversation_id: 1,
    labels: ['a "b" \\ c'],
    conversation_created_at: '2026-01-05 15:00:00.123456',
    is_open: true,
    message_compiled: null,
  })
  const stored = await at.target.query(
    'select conversation_id, contact_name, labels from conversas_analytics where deleted_at is null order by 1',
  )
  const labels = ['a "b" \\ c', 'x,{}']
  expect(stored).toEqual([1, 3, 4, 5, 6].map((id) => ({ conversation_id: id, contact_name: null, labels })))
  expect(await at.sync({ transform })).toMatchObject({
    loadType: 'incremental',
    rowsUpdated: 0,
    rowsDeleted: 0,
  })
})

it('stores the same bytes through a transform that changes nothing', async () => {
  await using at = await openSync()
  await at.sync({ transform: (row) => ({ ...row }) })
  expect(await differences(at)).toEqual([])
})

it.each([
  [
    'that throws',
    'HOOK_FAILED',
    () => {
      throw new Error('secret')
    },
  ],
  ['that gives no row', 'HOOK_FAILED', () => 5 as never],
  ['that changes the key', 'HOOK_FAILED', (row: ConversationRow) => ({ ...row, conversation_id: 7 })],
] as const)('fails for a transform %s, and writes nothing', async (_, code, transform) => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  const failure = at.sync({ transform })
  await expect(failure).rejects.toMatchObject({ code, message: expect.not.stringContaining('secret') })
  expect(await at.target.query('select from conversas_analytics')).toEqual([])
  expect(await at.target.query(failed)).toEqual([{ status: 'failed', error_code: code }])
})

it('rejects a row to which a transform gave a text for a number, and does not tell the text', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  await at.sync({ transform: (row) => ({ ...row, status: 'secret' as never }) })
  const [entry] = await at.target.query(`
    select r.sql_state, r.column_name, r::text || c::text as whole
    from etl_rejects r
    join etl_control c using (execution_id)`)
  expect(entry).toMatchObject({ sql_state: '22P02', column_name: 'status' })
  expect(entry?.['whole']).not.toContain('secret')
})

it('gives the same result whatever the size of the batches', async () => {
  await using at = await openSync()
  const { rowsInserted } = await at.sync({ batchSize: 30 })
  expect(await differences(at)).toEqual([])
  expect(await at.sync({ loadType: 'full', batchBytes: 100_000, pipeline: 'small' })).toMatchObject({
    rowsUnchanged: rowsInserted,
    rowsUpdated: 0,
  })
})
