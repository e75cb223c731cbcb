import { afterAll, beforeAll, expect, it } from 'vitest'

import {
  differences,
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

/** Each shows through one feed alone, and changes the row of conversation 1. */
const changes = [
  ['an update of the conversation', `update conversations set status = 1, updated_at = $1 where id = 1`],
  [
    'a new message that leaves the conversation alone',
    `insert into messages (account_id, inbox_id, conversation_id, message_type, content, created_at, updated_at)
     values (1, 1, 1, 1, 'Nova', $1, $1)`,
  ],
  [
    'a new message with stamps of the past, whose conversation was touched',
    `with message as (
       insert into messages (account_id, inbox_id, conversation_id, message_type, content, created_at, updated_at)
       values (1, 1, 1, 1, 'Do provedor', '2026-01-02', '2026-01-02')
     )
     update conversations set updated_at = $1, last_activity_at = '2026-01-02' where id = 1`,
  ],
  ['an edit of a message', `update messages set content = 'Editada', updated_at = $1 where id = 1`],
  [
    'a soft delete of a message',
    `update messages
     set content = 'This message was deleted', content_attributes = '"{\\"deleted\\":true}"', updated_at = $1
     where id = 1`,
  ],
  [
    'an answer to the survey',
    `insert into csat_survey_responses (account_id, conversation_id, message_id, rating, contact_id, created_at, updated_at)
     values (1, 1, 1, 5, 1, $1, $1)`,
  ],
  ['a changed answer to the survey', `update csat_survey_responses set rating = 1, updated_at = $1`],
  ['a new name of the contact', `update contacts set name = 'Outro', updated_at = $1 where id = 1`],
  [
    'a new phone of the contact who wrote first and is not the one of the conversation',
    `update contacts set phone_number = '+5511987654321', updated_at = $1 where id = 3`,
  ],
  [
    'a new name of the agent without a stamp',
    `update users set name = coalesce('Bia', $1::text) where id = 1`,
  ],
  ['a new address of the agent', `update users set email = 'b@example.com', updated_at = $1 where id = 1`],
  ['a new name of the team', `update teams set name = 'pós-venda', updated_at = $1 where id = 1`],
  [
    'another time zone of the inbox',
    `update inboxes set timezone = 'Asia/Tokyo', updated_at = $1 where id = 1`,
  ],
  ['a new name of the inbox', `update inboxes set name = 'WhatsApp', updated_at = $1 where id = 1`],
  ['a new name of the account', `update accounts set name = 'Loja & Cia', updated_at = $1 where id = 1`],
  [
    'another time zone in which the account reports',
    `update accounts set settings = '{"reporting_timezone": "UTC"}', updated_at = $1 where id = 1`,
  ],
  ['the removal of the agent', `delete from users where id = 1 and $1::timestamp is not null`],
] as const

let at: SyncFixture

beforeAll(async () => {
  at = await openSmallSync()
  const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
  await insert(at.source, 'accounts', { id: 2, name: 'Outra', ...stamps })
  await insert(at.source, 'inboxes', { id: 2, name: 'Outra', account_id: 2, channel_id: 2, ...stamps })
  for (const id of [2, 3])
    await insert(at.source, 'contacts', { id, name: 'Outro', account_id: 2, ...stamps })
  const first = await insertConversation(at.source, { assignee_id: 1, team_id: 1 })
  await insertMessage(at.source, first, { sender_id: 3 })
  await insertConversation(at.source, { account_id: 2, inbox_id: 2, contact_id: 2 })
  // The planner's estimate tells that there are few messages, so that each run looks for edits among all.
  await at.source.query('analyze messages')
  await at.sync()
})

afterAll(() => at[Symbol.asyncDispose]())

it.each(changes)('finds %s', async (_, change) => {
  await at.source.query(change.replaceAll('$1', `(clock_timestamp() at time zone 'UTC')`))

  const report = await at.sync({ skewAllowance: 0 })

  expect(report).toMatchObject({ loadType: 'incremental', reason: null, rowsExtracted: 1, rowsUpdated: 1 })
  expect(await differences(at, { knownTimeZones: '{UTC,Asia/Tokyo}' })).toEqual([])
})

it('does not read the conversations of an agent who signs in', async () => {
  await insert(at.source, 'users', { id: 1, name: 'Ana', created_at: '2026-01-01', updated_at: '2026-01-01' })
  await at.sync({ skewAllowance: 0 })
  await at.source.query(
    `update users set sign_in_count = 7, updated_at = clock_timestamp() at time zone 'UTC' where id = 1`,
  )
  expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ rowsUpdated: 0, rowsInserted: 0 })
})
