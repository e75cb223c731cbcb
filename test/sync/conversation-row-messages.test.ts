import { afterAll, beforeAll, expect, it } from 'vitest'

import {
  insertConversation,
  insertMessage,
  openSmallSync,
  rowsOfCases,
  storedRow,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

let at: SyncFixture

beforeAll(async () => {
  at = await openSmallSync()
  await at.source.query(`update contacts set phone_number = '+551133334444' where id = 1`)
})

afterAll(() => at[Symbol.asyncDispose]())

const time = (seconds: number) => new Date(Date.UTC(2026, 0, 5, 15, 0, seconds)).toISOString().slice(0, -1)
const ana = { sender_type: 'User', sender_id: 1, message_type: 1 }

type Messages = readonly Record<string, unknown>[]

/** A conversation with messages a second apart, as given; returns its id. */
async function write(messages: Messages, fields: Record<string, unknown> = {}): Promise<number> {
  const id = await insertConversation(at.source, fields)
  for (const [second, message] of messages.entries()) {
    await insertMessage(at.source, id, { created_at: time(second), ...message })
  }
  return id
}

async function store(messages: Messages, fields: Record<string, unknown> = {}) {
  return storedRow(at, await write(messages, fields))
}

it('compiles messages in order of time, then of id', async () => {
  const id = await insertConversation(at.source)
  const late = await insertMessage(at.source, id, { content: 'depois', created_at: time(9) })
  const first = await insertMessage(at.source, id, { content: 'a "b" \\ \n 👩‍👩‍👧‍👦', created_at: time(1) })
  const second = await insertMessage(at.source, id, {
    ...ana,
    content: null,
    created_at: time(1),
    private: true,
  })
  const row = await storedRow(at, id)
  const contact = { sender: 'Contact', sender_id: 1, message_type: 0, private: false }
  expect(row?.['message_compiled']).toEqual([
    { message_id: first, text: 'a "b" \\ \n 👩‍👩‍👧‍👦', sent_at: '2026-01-05T15:00:01', ...contact },
    {
      ...{ message_id: second, text: null, sent_at: '2026-01-05T15:00:01' },
      ...{ sender: 'User', sender_id: 1, message_type: 1, private: true },
    },
    { message_id: late, text: 'depois', sent_at: '2026-01-05T15:00:09', ...contact },
  ])
  expect(row).toMatchObject({
    mc_first_message_at: '2026-01-05 15:00:01',
    mc_last_message_at: '2026-01-05 15:00:09',
  })
})

it('counts public and private messages by who sent them', async () => {
  const row = await store([
    { content: 'Olá' },
    { ...ana, content: 'Nota interna', private: true },
    { ...ana, content: 'Bom dia!' },
    { sender_type: 'AgentBot', sender_id: 1, content: 'Sou um robô' },
    { sender_type: null, sender_id: null, message_type: 2, content: null },
    { content: 'Tchau' },
  ])
  expect(row).toMatchObject({
    t_messages: 6,
    total_messages_public: 5,
    total_messages_private: 1,
    private_notes_count: 1,
    user_messages_count: 1,
    contact_messages_count: 2,
    user_message_ratio: '0.20',
    contact_message_ratio: '0.40',
    avg_message_length: '7.8',
    max_message_length: 12,
    avg_time_between_messages_seconds: '1.0',
    has_user_messages: true,
    has_contact_messages: true,
    has_private_notes: true,
    has_human_intervention: true,
    client_sender_id: '1',
    client_phone: '+551133334444',
  })
})

it('takes first and last text and sender from public messages', async () => {
  expect(
    await store([
      { ...ana, content: 'só para nós', private: true },
      { sender_type: 'AgentBot', content: 'primeira' },
      { content: 'meio' },
      { ...ana, content: 'última' },
      { ...ana, content: 'de novo só para nós', private: true },
    ]),
  ).toMatchObject({
    first_message_text: 'primeira',
    first_message_sender_type: 'AgentBot',
    last_message_text: 'última',
    last_message_sender_type: 'User',
  })
})

it('says of a conversation without messages that there are none', async () => {
  expect(await store([], { status: 1 })).toMatchObject({
    message_compiled: null,
    t_messages: 0,
    total_messages_public: 0,
    user_messages_count: 0,
    user_message_ratio: null,
    contact_message_ratio: null,
    first_message_text: null,
    last_message_sender_type: null,
    mc_first_message_at: null,
    avg_time_between_messages_seconds: null,
    avg_message_length: null,
    client_sender_id: null,
    client_phone: null,
    has_user_messages: false,
    has_contact_messages: false,
    has_private_notes: false,
    has_contact_reply: false,
    is_short_conversation: true,
    is_long_conversation: false,
    has_human_intervention: false,
    is_bot_resolved: false,
  })
})

it('says of a conversation with notes alone that its ratios are unknown', async () => {
  expect(await store([{ ...ana, private: true }], { status: 1 })).toMatchObject({
    t_messages: 1,
    total_messages_public: 0,
    user_messages_count: 0,
    user_message_ratio: null,
    first_message_text: null,
    avg_time_between_messages_seconds: null,
    has_human_intervention: false,
    is_bot_resolved: false,
  })
})

const dialogs: [string, Messages, boolean][] = [
  ['a contact who writes after an agent', [{}, ana, {}], true],
  ['a contact who only wrote before the agent', [{}, {}, ana], false],
  ['a contact who answers a note, which he does not see', [{}, { ...ana, private: true }, {}], false],
  ['a contact who answers a bot', [{ sender_type: 'AgentBot' }, {}], false],
  ['an agent alone', [ana], false],
]
const ofDialog = rowsOfCases(
  () => at,
  dialogs,
  ([, messages]) => write(messages),
)

it.each(dialogs)('knows whether the contact replied: %s', async (name, _, expected) => {
  expect(await ofDialog(name)).toMatchObject({ has_contact_reply: expected })
})

const lengths = [
  [5, true, false],
  [6, false, false],
  [20, false, false],
  [21, false, true],
] as const
const ofLength = rowsOfCases(
  () => at,
  lengths,
  ([count]) => write([...Array.from({ length: count }, () => ({})), { ...ana, private: true }]),
)

it.each(lengths)('tells %s public messages as short or long', async (count, isShort, isLong) => {
  expect(await ofLength(count)).toMatchObject({
    is_short_conversation: isShort,
    is_long_conversation: isLong,
  })
})

it('takes first and last text from what was said, not from lines about what happened and templates', async () => {
  const line = { sender_type: null, sender_id: null, content: 'Conversa marcada como resolvida' }
  expect(
    await store([
      { ...line, message_type: 3, content: 'Olá! Já vamos atender você.' },
      { content: 'pergunta' },
      { ...ana, content: 'resposta' },
      { ...line, message_type: 2 },
    ]),
  ).toMatchObject({
    first_message_text: 'pergunta',
    last_message_text: 'resposta',
    last_message_sender_type: 'User',
  })
  expect(await store([{ ...line, message_type: 2 }])).toMatchObject({
    last_message_text: null,
    total_messages_public: 1,
  })
})

const answers: [string, Record<string, unknown>, boolean][] = [
  ['an agent', ana, true],
  [
    "an agent in the channel's own app",
    { message_type: 1, sender_type: null, content_attributes: '{"external_echo":true}' },
    true,
  ],
  ['a private note', { ...ana, private: true }, false],
  ['a bot', { message_type: 1, sender_type: 'AgentBot' }, false],
  ['an automation rule', { ...ana, content_attributes: '{"automation_rule_id":3}' }, false],
  ['a campaign', { ...ana, additional_attributes: { campaign_id: 4 } }, false],
  [
    'an agent who quotes an attribute',
    { ...ana, content_attributes: '{"quoted":"{\\"automation_rule_id\\":3}"}' },
    true,
  ],
  ['a contact', {}, false],
]
const ofAnswer = rowsOfCases(
  () => at,
  answers,
  ([, message]) => write([message]),
)
const ofObject = rowsOfCases(
  () => at,
  answers,
  ([, message]) => write([{ ...message, ...asObject(message) }]),
)

it.each(answers)('knows whether a human answered: %s', async (name, _, expected) => {
  for (const row of [await ofAnswer(name), await ofObject(name)]) {
    expect(row).toMatchObject({ has_human_intervention: expected })
  }
})

/** Chatwoot stores the attributes as JSON in a JSON string; other writers store the object. */
function asObject(message: object): object | undefined {
  const text: unknown = Reflect.get(message, 'content_attributes')
  return typeof text === 'string' ? { content_attributes: JSON.parse(text) } : undefined
}

it('finds the phone of the first contact who wrote, be it another one', async () => {
  await at.source.query(`insert into contacts (id, name, phone_number, account_id, created_at, updated_at)
    values (7, 'Filho', '+550000', 1, '2026-01-01', '2026-01-01')`)
  expect(await store([ana, { sender_id: 7 }, {}])).toMatchObject({
    client_sender_id: '7',
    client_phone: '+550000',
  })
})
