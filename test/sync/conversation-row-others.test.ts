import { afterAll, beforeAll, expect, it } from 'vitest'

import {
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  storedRow,
  storedRows,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

let at: SyncFixture
const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
const ana = { sender_type: 'User', sender_id: 1, message_type: 1 }
const line = { sender_type: null, sender_id: null }

beforeAll(async () => {
  at = await openSmallSync()
  await at.source
    .query(`truncate campaigns, agent_bots, agent_bot_inboxes, integrations_hooks, captain_inboxes, companies,
    sla_policies, applied_slas, sla_events, attachments, conversation_participants restart identity`)
  await insert(at.source, 'users', {
    id: 2,
    name: 'Bia',
    display_name: ' Bia da loja ',
    uid: 'bia',
    ...stamps,
  })
})

afterAll(() => at[Symbol.asyncDispose]())

type Messages = readonly Record<string, unknown>[]

async function write(messages: Messages, fields: Record<string, unknown> = {}): Promise<number> {
  const id = await insertConversation(at.source, fields)
  for (const [second, message] of messages.entries()) {
    const created_at = `2026-01-05 15:00:0${second}`
    await insertMessage(at.source, id, { created_at, ...message })
  }
  return id
}

async function store(messages: Messages, fields: Record<string, unknown> = {}) {
  return storedRow(at, await write(messages, fields))
}

it('counts messages by their kind as Chatwoot does, and by what became of them', async () => {
  const row = await store([
    { content_attributes: '{"deleted":true}' },
    { ...ana, private: true },
    { ...ana, status: 3, content_attributes: '{"automation_rule_id":7}', content_type: 4 },
    { ...line, message_type: 1, content_attributes: { external_echo: true } },
    { ...line, message_type: 2 },
    { ...line, message_type: 3, content_type: 9 },
    { ...ana, additional_attributes: { campaign_id: 2 } },
  ])
  expect(row).toMatchObject({
    ...{ incoming_messages_count: 1, outgoing_messages_count: 4, activity_messages_count: 1 },
    ...{ template_messages_count: 1, deleted_messages_count: 1, failed_messages_count: 1 },
    ...{ external_echo_count: 1, automation_messages_count: 1, campaign_messages_count: 1 },
    ...{ content_types: { 0: 5, 4: 1, 9: 1 }, attachments_count: 0, is_one_touch: false },
  })
  const [once, twice, none] = await storedRows(at, [
    await write([{}, ana], { status: 1 }),
    await write([{}, ana, ana], { status: 1 }),
    await write([]),
  ])
  expect(once).toMatchObject({ is_one_touch: true })
  expect(twice).toMatchObject({ is_one_touch: false })
  expect(none).toMatchObject({
    content_types: {},
    agent_ids: [],
    agents: [],
    outgoing_messages_count: 0,
  })
})

it('an attribute is one of the message itself, not of what it quotes', async () => {
  const quoted = '{"quoted":"{\\"deleted\\":true, \\"external_echo\\":true}","deleted":false}'
  const odd: unknown[] = [quoted, JSON.parse(quoted), 'not JSON', null, [], '{"deleted":']
  const ids: number[] = []
  for (const content_attributes of odd) ids.push(await write([{ ...ana, content_attributes }]))
  const spaced = { content_attributes: '{"in_reply_to": 4, "deleted": true}' }
  const [deleted, ...others] = await storedRows(at, [await write([spaced]), ...ids])
  for (const row of others) {
    expect(row).toMatchObject({
      deleted_messages_count: 0,
      external_echo_count: 0,
      automation_messages_count: 0,
    })
  }
  expect(others).toHaveLength(odd.length)
  expect(deleted).toMatchObject({ deleted_messages_count: 1 })
})

it('names the agents who wrote in the order in which they began, and those who take part', async () => {
  const id = await insertConversation(at.source, { assignee_id: 2 })
  for (const [second, sender] of [2, 99, 1, 2].entries()) {
    await insertMessage(at.source, id, {
      ...ana,
      sender_id: sender,
      created_at: `2026-01-05 15:00:0${second}`,
    })
  }
  await insertMessage(at.source, id, {
    ...ana,
    sender_id: 3,
    private: true,
    created_at: '2026-01-05 14:00:00',
  })
  await insertMessage(at.source, id, { ...ana, sender_id: 2 ** 40, created_at: '2026-01-05 14:00:00' })
  for (const user_id of [2, 1]) {
    await insert(at.source, 'conversation_participants', {
      account_id: 1,
      user_id,
      conversation_id: id,
      ...stamps,
    })
  }
  expect(await storedRow(at, id)).toMatchObject({
    ...{ agent_ids: [2, 99, 1], agents: ['Bia', null, 'Ana'], participant_ids: [1, 2] },
    ...{ assignee_name: 'Bia', assignee_display_name: 'Bia da loja' },
  })
  expect(await store([], { assignee_id: 1 })).toMatchObject({
    assignee_display_name: 'Ana',
    participant_ids: [],
  })
})

it('keeps every survey that was sent, and every answer', async () => {
  const survey = { ...line, message_type: 3, content_type: 9 }
  const id = await insertConversation(at.source)
  const first = await insertMessage(at.source, id, { ...survey, created_at: '2026-01-05 16:00:00' })
  await insertMessage(at.source, id, { ...survey, created_at: '2026-01-06 16:00:00.000001' })
  const answer = {
    account_id: 1,
    conversation_id: id,
    contact_id: 1,
    updated_at: '2026-01-09',
    assigned_agent_id: 2,
  }
  await insert(at.source, 'csat_survey_responses', {
    ...{ ...answer, id: 901, message_id: first, rating: 5, created_at: '2026-01-05 17:00:00' },
    feedback_message: 'not in the list',
  })
  await insert(at.source, 'csat_survey_responses', {
    ...{ ...answer, id: 902, message_id: first + 1, rating: 2, created_at: '2026-01-06 17:00:00' },
    assigned_agent_id: 1,
  })
  const row = await storedRow(at, id)
  const list = { rating: 5, created_at: '2026-01-05T17:00:00', assigned_agent_id: 2 }
  expect(row?.['csat_responses']).toEqual([
    { id: 901, message_id: first, ...list },
    { id: 902, message_id: first + 1, rating: 2, created_at: '2026-01-06T17:00:00', assigned_agent_id: 1 },
  ])
  expect(row).toMatchObject({ csat_assigned_agent_id: '1', csat_assigned_agent_name: 'Ana' })
  const [sent] = await at.target.query(
    'select csat_sent_at::text as at from conversas_analytics where conversation_id = $1',
    [id],
  )
  expect(sent).toEqual({ at: '{"2026-01-05 16:00:00","2026-01-06 16:00:00.000001"}' })
})

it('keeps the attributes of conversation and contact, and what is made of them', async () => {
  await insert(at.source, 'companies', { id: 5, name: 'Ipê Ltda.', account_id: 1, ...stamps })
  const located = { city: 'Recife', country: 'Brazil', country_code: 'BR', company_name: 'Loja' }
  await insert(at.source, 'contacts', {
    ...{ id: 20, name: 'Rui', account_id: 1, ...stamps, custom_attributes: { plano: 'ouro' }, blocked: true },
    ...{
      additional_attributes: located,
      contact_type: 2,
      company_id: 5,
      location: 'Olinda',
      country_code: 'Brasil',
    },
  })
  const browser = { browser_name: 'Firefox', platform_name: 'Linux' }
  const attributes = { referer: 'https://loja.example/?a=1', browser, browser_language: 'pt' }
  const row = await store([], {
    contact_id: 20,
    custom_attributes: { pedido: 1 },
    additional_attributes: attributes,
  })
  expect(row).toMatchObject({
    ...{
      custom_attributes: { pedido: 1 },
      additional_attributes: attributes,
      contact_custom_attributes: { plano: 'ouro' },
    },
    ...{
      referer: 'https://loja.example/?a=1',
      browser_name: 'Firefox',
      platform_name: 'Linux',
      browser_language: 'pt',
    },
    ...{
      contact_city: 'Recife',
      contact_country: 'Brazil',
      contact_country_code: 'BR',
      contact_company: 'Ipê Ltda.',
    },
    ...{ contact_blocked: true, contact_type: 2, conversation_url: null },
  })
  await at.source.query(
    `update contacts set company_id = null, contact_type = 99999, additional_attributes = '{"company_name": "Loja", "city": ""}' where id = 20`,
  )
  expect(await store([], { contact_id: 20, additional_attributes: [1] })).toMatchObject({
    ...{
      contact_city: 'Olinda',
      contact_country: 'Brasil',
      contact_country_code: null,
      contact_company: 'Loja',
    },
    ...{ contact_type: null, additional_attributes: [1], referer: null, browser_name: null },
  })
})

it('knows the latest service level, and what was missed', async () => {
  await insert(at.source, 'sla_policies', { id: 3, name: 'Ouro', account_id: 1, ...stamps })
  const id = await insertConversation(at.source, { sla_policy_id: 3 })
  const shared = { account_id: 1, conversation_id: id, sla_policy_id: 3, updated_at: '2026-01-06' }
  await insert(at.source, 'applied_slas', { ...shared, sla_status: 1, created_at: '2026-01-05' })
  const applied = await insert(at.source, 'applied_slas', {
    ...{ ...shared, sla_policy_id: 4, sla_status: 3, created_at: '2026-01-06 10:00:00' },
  })
  for (const event_type of [2, 0, 2, 7]) {
    const event = { ...shared, inbox_id: 1, applied_sla_id: applied, event_type, created_at: '2026-01-06' }
    await insert(at.source, 'sla_events', event)
  }
  expect(await storedRow(at, id)).toMatchObject({
    ...{ sla_policy_id: '3', sla_policy_name: 'Ouro', sla_status: 3, sla_applied_at: '2026-01-06 10:00:00' },
    ...{ sla_missed_types: ['frt', 'rt', '7'], is_sla_missed: true },
  })
  expect(await store([])).toMatchObject({ sla_policy_id: null, sla_missed_types: [], is_sla_missed: false })
})

it('names campaign and bot, knows whether a bot is active in the inbox, and links to the conversation', async () => {
  await insert(at.source, 'agent_bots', { id: 6, name: 'Robô', secret: 'not a secret', ...stamps })
  const dates = { ...stamps, account_id: 1, message: '' }
  const campaign = await insert(at.source, 'campaigns', { title: 'Natal', inbox_id: 1, ...dates })
  const id = await insertConversation(at.source, { campaign_id: campaign, assignee_agent_bot_id: 6 })
  const options = { chatwootUrl: 'https://chat.example//' }
  const row = await storedRow(at, id, options)
  expect(row).toMatchObject({
    ...{ campaign_title: 'Natal', bot_name: 'Robô', assignee_agent_bot_id: '6', inbox_has_bot: false },
    conversation_url: `https://chat.example/app/accounts/1/conversations/${String(row?.['display_id'])}`,
  })
  const active = [
    ['agent_bot_inboxes', { inbox_id: 1, agent_bot_id: 6, status: 0 }],
    ['integrations_hooks', { inbox_id: 1, app_id: 'dialogflow', status: 1 }],
    ['captain_inboxes', { inbox_id: 1, captain_assistant_id: 1 }],
  ] as const
  for (const [table, bot] of active) {
    await insert(at.source, table, { ...bot, ...stamps })
    expect(await at.sync({ ...options }), table).toMatchObject({ loadType: 'incremental' })
    const stored = 'select inbox_has_bot from conversas_analytics where conversation_id = $1'
    expect(await at.target.query(stored, [id]), table).toEqual([{ inbox_has_bot: true }])
    await at.source.query(`delete from ${table}`)
    await at.sync(options)
    expect(await at.target.query(stored, [id]), table).toEqual([{ inbox_has_bot: false }])
  }
})
