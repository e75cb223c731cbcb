import { afterAll, beforeAll, expect, it } from 'vitest'

import {
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  rowsOfCases,
  storedRow,
  storedRows,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

let at: SyncFixture

beforeAll(async () => {
  at = await openSmallSync()
})

afterAll(() => at[Symbol.asyncDispose]())

async function store(fields: Record<string, unknown> = {}) {
  return storedRow(at, await insertConversation(at.source, fields))
}

/** What one run makes of several conversations. */
async function storeAll(...conversations: readonly Record<string, unknown>[]) {
  const ids: number[] = []
  for (const fields of conversations) ids.push(await insertConversation(at.source, fields))
  return storedRows(at, ids)
}

const statuses = [
  [0, 'Aberta', { is_open: true, is_resolved: false, is_pending: false }],
  [1, 'Resolvida', { is_open: false, is_resolved: true, is_pending: false, is_bot_resolved: false }],
  [2, 'Pendente', { is_open: false, is_resolved: false, is_pending: true }],
  [3, 'Adiada', { is_open: false, is_resolved: false, is_pending: false }],
  [9, 'Desconhecido (9)', { is_open: false, is_resolved: false, is_pending: false }],
  [-1, 'Desconhecido (-1)', { is_open: false, is_resolved: false, is_pending: false }],
] as const
const ofStatus = rowsOfCases(
  () => at,
  statuses,
  ([status]) => insertConversation(at.source, { status }),
)

it.each(statuses)('calls status %s %s', async (status, label, flags) => {
  expect(await ofStatus(status)).toMatchObject({ status, status_label_pt: label, ...flags })
})

const priorities = [
  [null, 'Nenhuma', 0, false, false],
  [0, 'Baixa', 1, true, false],
  [1, 'Média', 2, true, false],
  [2, 'Alta', 3, true, true],
  [3, 'Urgente', 4, true, true],
  [7, 'Desconhecida (7)', 0, true, false],
] as const
const ofPriority = rowsOfCases(
  () => at,
  priorities,
  ([priority]) => insertConversation(at.source, { priority }),
)

it.each(priorities)('calls priority %s %s', async (priority, label, score, has, isHigh) => {
  expect(await ofPriority(priority)).toMatchObject({
    priority,
    priority_label: label,
    priority_score: score,
    has_priority: has,
    is_high_priority: isHigh,
  })
})

it('names agent, team, inbox, contact and account', async () => {
  const phone = { phone_number: '+5511999990000', email: 'ze@example.com', identifier: 'crm-1' }
  const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
  const contact = await insert(at.source, 'contacts', {
    id: 10,
    name: 'Zoé "Z"',
    account_id: 1,
    ...phone,
    ...stamps,
  })
  expect(await store({ assignee_id: 1, team_id: 1, contact_id: contact, campaign_id: 5 })).toMatchObject({
    account_id: 1,
    account_name: 'Loja',
    assignee_id: 1,
    assignee_name: 'Ana',
    assignee_email: 'ana@example.com',
    is_assigned: true,
    team_id: 1,
    team_name: 'vendas',
    has_team: true,
    campaign_id: 5,
    is_from_campaign: true,
    contact_id: 10,
    contact_name: 'Zoé "Z"',
    contact_email: 'ze@example.com',
    contact_phone: '+5511999990000',
    contact_identifier: 'crm-1',
    has_contact: true,
    inbox_id: 1,
    inbox_name: 'Site',
    inbox_channel_type: 'Channel::Api',
  })
})

it('keeps a conversation whose contact, inbox, agent, team and account are gone', async () => {
  const ids = { contact_id: 99, inbox_id: 98, assignee_id: 97, team_id: 96 }
  const none = { contact_id: null, assignee_id: null, team_id: null }
  const [gone, without] = await storeAll(ids, none)
  expect(gone).toMatchObject({
    ...ids,
    contact_name: null,
    contact_email: null,
    has_contact: false,
    inbox_name: null,
    inbox_channel_type: null,
    inbox_timezone: null,
    calendar_timezone: 'UTC',
    assignee_name: null,
    is_assigned: true,
    team_name: null,
    has_team: true,
  })
  expect(without).toMatchObject({
    ...none,
    has_contact: false,
    is_assigned: false,
    has_team: false,
  })
})

it('takes empty identifiers for none', async () => {
  const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
  const empty = { name: '', email: '', phone_number: '', identifier: '' }
  await insert(at.source, 'contacts', { id: 11, account_id: 1, ...empty, ...stamps })
  const id = await insertConversation(at.source, { contact_id: 11 })
  await insertMessage(at.source, id, { sender_id: 11 })
  expect(await storedRow(at, id)).toMatchObject({
    contact_name: '',
    contact_email: null,
    contact_phone: null,
    contact_identifier: null,
    client_sender_id: '11',
    client_phone: null,
  })
})

it('takes labels from the taggings, in their order, else from the cached list, else none', async () => {
  const lists = [{ cached_label_list: 'vip, pós-venda, b2b' }, { cached_label_list: '' }, {}]
  const labels = [['vip', 'pós-venda', 'b2b'], [], []]
  expect(await storeAll(...lists)).toMatchObject(labels.map((each) => ({ labels: each })))

  const id = await insertConversation(at.source, { cached_label_list: 'gone' })
  for (const [tag, name] of ['vip', 'b2b', 'not a label', 'of a contact'].entries()) {
    await insert(at.source, 'tags', { id: tag + 1, name })
  }
  const tagging = { taggable_id: id, taggable_type: 'Conversation', context: 'labels' }
  await insert(at.source, 'taggings', { ...tagging, tag_id: 1 })
  await insert(at.source, 'taggings', { ...tagging, tag_id: 2 })
  await insert(at.source, 'taggings', { ...tagging, tag_id: 3, context: 'other' })
  await insert(at.source, 'taggings', { ...tagging, tag_id: 4, taggable_type: 'Contact' })
  expect(await storedRow(at, id)).toMatchObject({ labels: ['vip', 'b2b'] })
})

it('counts the latest of several answers to the survey', async () => {
  const id = await insertConversation(at.source)
  const answer = { account_id: 1, conversation_id: id, contact_id: 1, updated_at: '2026-01-09' }
  const times = [
    '2026-01-06 10:00:00.000002',
    '2026-01-07 10:00:00.000001',
    '2026-01-07 10:00:00.000001',
    '2026-01-05',
  ]
  for (const [index, created_at] of times.entries()) {
    const text = { rating: index + 2, feedback_message: `Nota ${index}` }
    await insert(at.source, 'csat_survey_responses', {
      ...answer,
      id: index + 101,
      message_id: index + 101,
      created_at,
      ...text,
    })
  }
  expect(await storedRow(at, id)).toMatchObject({
    csat_response_id: '103',
    csat_rating: 4,
    csat_feedback: 'Nota 2',
    csat_created_at: '2026-01-07 10:00:00.000001',
    has_csat: true,
  })
  expect(
    await at.target.query('select from conversas_analytics where conversation_id = $1', [id]),
  ).toHaveLength(1)
})

const ratings = [
  [1, 'Detrator', 'Negativo', 'x'.repeat(51), true, true],
  [2, 'Detrator', 'Negativo', 'x'.repeat(50), true, false],
  [3, 'Detrator', 'Neutro', ' \n\t', false, false],
  [4, 'Neutro', 'Positivo', '', false, false],
  [5, 'Promotor', 'Positivo', null, false, false],
  [6, 'Sem Rating', 'Sem Rating', 'ok', true, false],
] as const
const ofRating = rowsOfCases(
  () => at,
  ratings,
  async ([rating, , , feedback]) => {
    const id = await insertConversation(at.source)
    const stamps = { created_at: '2026-01-06', updated_at: '2026-01-06' }
    const ids = { account_id: 1, conversation_id: id, contact_id: 1, message_id: 1000 + id }
    const answer = { ...ids, rating, feedback_message: feedback, ...stamps }
    await insert(at.source, 'csat_survey_responses', answer)
    return id
  },
)

it.each(ratings)(
  'takes a rating of %s for %s and %s',
  async (rating, nps, sentiment, _, isWritten, isDetailed) => {
    expect(await ofRating(rating)).toMatchObject({
      csat_rating: rating,
      csat_nps_category: nps,
      csat_sentiment_category: sentiment,
      has_written_feedback: isWritten,
      has_detailed_feedback: isDetailed,
    })
  },
)

it('says of a conversation without an answer that there is none', async () => {
  expect(await store()).toMatchObject({
    csat_response_id: null,
    csat_nps_category: 'Sem Rating',
    csat_sentiment_category: 'Sem Rating',
    has_csat: false,
    has_written_feedback: false,
    has_detailed_feedback: false,
  })
})
