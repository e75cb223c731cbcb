import { afterAll, beforeAll, expect, it } from 'vitest'

import type { ConversationRow } from '../../lib/chatwoot/row.js'
import type { SyncOptions } from '../../lib/options.js'
import {
  differences,
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'
import { cases } from '../setup/share.js'

const now = `clock_timestamp() at time zone 'UTC'`

/** A run of a schedule, which scans as rarely as it may, and the one that scans. */
const rare = { triggeredBy: 'scheduler', skewAllowance: 0, scanShare: 0 } as const
const scans = { ...rare, complete: true } as const

let at: SyncFixture

/** Two conversations, of the first of which a run has read a stamp that no scan has come to yet. */
beforeAll(async () => {
  at = await openSmallSync()
  const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
  await insert(at.source, 'contacts', { id: 2, name: 'Rui', account_id: 1, ...stamps })
  await insert(at.source, 'inboxes', {
    ...{ id: 2, name: 'Loja', account_id: 1, channel_id: 2, channel_type: 'Channel::Api', ...stamps },
  })
  await insert(at.source, 'tags', { id: 1, name: 'vip' })
  for (let count = 0; count < 2; count++) await insertMessage(at.source, await insertConversation(at.source))
  await at.source.query(
    `update conversations set additional_attributes = '{"referer": "https://example.com", "initiated_at": 1}'`,
  )
  await at.sync()
})

afterAll(() => at[Symbol.asyncDispose]())

/** A message about the conversation moves its stamp, and a run reads it. */
async function readBefore(options: Partial<SyncOptions> = {}) {
  const [row] = await at.source.query<{ at: string }>(`select (${now})::text as at`)
  await at.source.query('update conversations set updated_at = $1::timestamp where id = 1', [row?.at])
  await insertMessage(at.source, 1, { created_at: row?.at, updated_at: row?.at })
  expect(await at.sync({ ...rare, ...options })).toMatchObject({ loadType: 'incremental', rowsExtracted: 1 })
}

/** A run whose low watermark is behind the message, so that nothing but a scan shows the conversation. */
const laterRun = async (options: Partial<SyncOptions> = {}) => {
  await at.source.query('select pg_current_xact_id()')
  expect(await at.sync({ ...rare, ...options })).toMatchObject({ rowsExtracted: 0 })
}

it('reads no conversation that a run has read since its stamp was set', async () => {
  await readBefore()
  await laterRun()
  expect(await at.sync(scans)).toMatchObject({ loadType: 'incremental', rowsExtracted: 0 })
  expect(await differences(at)).toEqual([])
})

it.each(
  cases(
    ['status = 1', `waiting_since = '2026-02-01'`, `custom_attributes = '{"plano": "ouro"}'`] as const,
    [
      ...([
        'status = 1',
        'priority = 2',
        'assignee_id = 1',
        'team_id = 1',
        'contact_id = 2',
        'inbox_id = 2',
      ] as const),
      ...(['display_id = 77', 'uuid = gen_random_uuid()', 'campaign_id = 5', 'sla_policy_id = 5'] as const),
      ...([
        'assignee_agent_bot_id = 5',
        `snoozed_until = '2026-02-01'`,
        `waiting_since = '2026-02-01'`,
      ] as const),
      ...(['waiting_since = null', `first_reply_created_at = '2026-02-01'`] as const),
      ...([`contact_last_seen_at = '2026-02-01'`, `agent_last_seen_at = '2026-02-01'`] as const),
      ...([`last_activity_at = '2026-02-01'`, `created_at = '2026-01-04'`] as const),
      ...([`custom_attributes = '{"plano": "ouro"}'`, `additional_attributes = '{"referer": "x"}'`] as const),
      ...([`cached_label_list = 'b, a'`, `updated_at = updated_at + interval '1 microsecond'`] as const),
    ] as const,
  ),
)('reads one of which %s was written under the same stamp', async (change) => {
  await readBefore()
  await at.source.query(`update conversations set ${change} where id = 1`)
  expect(await at.sync(scans)).toMatchObject({ loadType: 'incremental', rowsExtracted: 1, rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
})

it('reads one that got a label under the same stamp', async () => {
  await readBefore()
  const tagged = { tag_id: 1, taggable_type: 'Conversation', taggable_id: 1, context: 'labels' }
  await insert(at.source, 'taggings', tagged)
  expect(await at.sync(scans)).toMatchObject({ rowsExtracted: 1, rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
})

it('reads one that another program has changed or deleted in the target', async () => {
  await readBefore()
  await at.target.query('update conversas_analytics set priority = 3 where conversation_id = 1')
  expect(await at.sync(scans)).toMatchObject({ rowsExtracted: 1, rowsUpdated: 1 })
  await readBefore()
  await at.target.query('delete from conversas_analytics where conversation_id = 1')
  expect(await at.sync({ ...scans, acceptTargetDeletes: true })).toMatchObject({ rowsExtracted: 1 })
  expect(await differences(at)).toEqual([])
})

it('reads each of them where a transform may have made something else of it', async () => {
  const transform = (row: ConversationRow) => row
  await at.sync({ transform })
  await readBefore({ transform })
  await laterRun({ transform })
  expect(await at.sync({ ...scans, transform })).toMatchObject({ rowsExtracted: 1, rowsUpdated: 0 })
})

it('compares what a protected column holds where no other is made of it, and else reads each of them', async () => {
  for (const [exclude, rowsExtracted] of [
    [['custom_attributes'], 0],
    [['custom_attributes', 'priority'], 1],
  ] as const) {
    const columns = { exclude }
    await at.sync({ columns })
    await readBefore({ columns })
    await at.source.query(
      `update conversations set custom_attributes = '{"plano": ${rowsExtracted}}' where id = 1`,
    )
    await laterRun({ columns })
    expect(await at.sync({ ...scans, columns })).toMatchObject({ loadType: 'incremental', rowsExtracted })
  }
})
