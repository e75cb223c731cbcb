import { afterAll, beforeAll, expect, it } from 'vitest'

import { verifyConversations } from '../../lib/operations/verify/verify.js'
import {
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

let at: SyncFixture
const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
const now = `clock_timestamp() at time zone 'UTC'`

/** Two conversations with something in every table; the changes are about the first one. */
beforeAll(async () => {
  at = await openSmallSync()
  for (const id of [2, 3])
    await insert(at.source, 'users', { id, name: `Agent ${id}`, uid: `${id}`, ...stamps })
  const owned = { account_id: 1, ...stamps }
  await insert(at.source, 'campaigns', { id: 1, title: 'Natal', message: '', inbox_id: 1, ...owned })
  await insert(at.source, 'agent_bots', { id: 1, name: 'Robô', ...stamps })
  await insert(at.source, 'companies', { id: 1, name: 'Ipê', ...owned })
  await insert(at.source, 'sla_policies', { id: 1, name: 'Ouro', ...owned })
  await insert(at.source, 'contacts', { id: 2, name: 'Rui', company_id: 1, ...owned })
  await at.source.query('alter sequence campaigns_id_seq restart with 50')
  const id = await insertConversation(at.source, {
    ...{ contact_id: 2, assignee_id: 1, campaign_id: 1, assignee_agent_bot_id: 1, sla_policy_id: 1 },
  })
  const shared = { conversation_id: id, ...owned }
  await insertMessage(at.source, id, {
    sender_type: 'User',
    sender_id: 2,
    message_type: 1,
  })
  await insert(at.source, 'csat_survey_responses', {
    ...{ ...shared, id: 1, message_id: 1, contact_id: 2, rating: 5, assigned_agent_id: 3 },
  })
  await insert(at.source, 'applied_slas', { ...shared, sla_policy_id: 1, sla_status: 0 })
  const other = await insertConversation(at.source, { assignee_id: 1 })
  await insert(at.source, 'conversation_participants', { conversation_id: other, user_id: 2, ...owned })
  await at.sync()
})

afterAll(() => at[Symbol.asyncDispose]())

it.each([
  [
    'the display name of the assignee',
    `update users set display_name = 'Aninha' where id = 1`,
    2,
    { assignee_display_name: 'Aninha' },
  ],
  [
    'the name of an agent who only wrote',
    `update users set name = 'Bia' where id = 2`,
    1,
    { agents: ['Bia'] },
  ],
  [
    'the name of the rated agent',
    `update users set name = 'Caio' where id = 3`,
    1,
    { csat_assigned_agent_name: 'Caio' },
  ],
  ['the title of a campaign', `update campaigns set title = 'Páscoa'`, 1, { campaign_title: 'Páscoa' }],
  ['the name of a bot', `update agent_bots set name = 'Bot'`, 1, { bot_name: 'Bot' }],
  ['the name of a policy', `update sla_policies set name = 'Prata'`, 1, { sla_policy_name: 'Prata' }],
  [
    'the name of a company',
    `update companies set name = 'Ipê Ltda.', updated_at = ${now}`,
    1,
    { contact_company: 'Ipê Ltda.' },
  ],
  [
    'the state of a service level',
    `update applied_slas set sla_status = 3, updated_at = ${now}`,
    1,
    { is_sla_missed: true },
  ],
  [
    'a service level that is missed',
    `insert into sla_events (applied_sla_id, conversation_id, account_id, sla_policy_id, inbox_id, event_type, created_at, updated_at)
     select id, conversation_id, 1, 1, 1, 1, ${now}, ${now} from applied_slas`,
    1,
    { sla_missed_types: ['nrt'] },
  ],
  [
    'an agent who joins',
    `insert into conversation_participants (account_id, user_id, conversation_id, created_at, updated_at)
     select 1, 3, conversation_id, ${now}, ${now} from applied_slas`,
    1,
    { participant_ids: [3] },
  ],
  [
    'an attribute of the contact',
    `update contacts set custom_attributes = '{"plano": "ouro"}', updated_at = ${now} where id = 2`,
    1,
    { contact_custom_attributes: { plano: 'ouro' } },
  ],
])('an incremental run sees %s', async (_, change, rows, expected) => {
  await at.source.query(change)
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: rows })
  const [row] = await at.target.query('select * from conversas_analytics order by conversation_id limit 1')
  expect(row).toMatchObject(expected)
})

it('verify finds an agent who left, of which no column tells', async () => {
  await at.source.query('delete from conversation_participants where user_id = 2')
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
  const found = await verifyConversations({ source: at.source.url, target: at.target.url, repair: true })
  expect(found).toMatchObject({ rowsSilent: 1, rowsRepaired: 1, differingColumns: { participant_ids: 1 } })
})

it('a run in which nothing was renamed reads no more than before', async () => {
  await at.source.query('update users set sign_in_count = sign_in_count + 1')
  await at.source.query('update agent_bots set updated_at = now()')
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
})
