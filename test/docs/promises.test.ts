import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import { MarkdownPage, names } from '../fixtures/markdown-page.js'
import {
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

const page = new MarkdownPage('docs/promises.md')

/** By the first cell of the page's line: what Chatwoot does then to conversation 1. $now is the time. */
const shown: Record<string, string> = {
  'Status, assignee, team, priority, snooze or labels of a conversation':
    'update conversations set priority = 3, updated_at = $now where id = 1',
  'New message of any kind': `
    insert into messages (account_id, inbox_id, conversation_id, message_type, content, created_at, updated_at)
    values (1, 1, 1, 1, 'Nova', $now, $now)`,
  'Message edited or deleted by an agent':
    "update messages set content = 'This message was deleted', updated_at = $now where id = 1",
  'Survey answered': `
    insert into csat_survey_responses (account_id, conversation_id, message_id, rating, contact_id, created_at, updated_at)
    values (1, 1, 1, 5, 1, $now, $now)`,
  'Answer to the survey changed': 'update csat_survey_responses set rating = 1, updated_at = $now',
  "Event of Chatwoot's reports, which is written seconds after the change that it is about": `
    insert into reporting_events (name, value, account_id, conversation_id, created_at, updated_at)
    values ('reply_time', 60, 1, 1, $now, $now)`,
  'Contact renamed or edited': "update contacts set name = 'Outro', updated_at = $now where id = 1",
  'Contacts merged': 'update conversations set contact_id = 2, updated_at = $now where id = 1',
  'Company renamed': "update companies set name = 'Padaria Nova', updated_at = $now where name = 'Padaria'",
  'Service level applied, missed or met': `
    insert into applied_slas (account_id, sla_policy_id, conversation_id, sla_status, created_at, updated_at)
    values (1, 1, 1, 0, $now, $now)`,
  'Agent joins a conversation': `
    insert into conversation_participants (account_id, user_id, conversation_id, created_at, updated_at)
    values (1, 2, 1, $now, $now)`,
  'Agent renamed': "update users set name = 'Bia', updated_at = $now where id = 1",
  'Team renamed': "update teams set name = 'suporte', updated_at = $now where id = 1",
  'Inbox renamed, or its time zone or bot changed':
    "update inboxes set timezone = 'Asia/Tokyo', updated_at = $now where id = 1",
  'Campaign, bot or policy renamed': "update campaigns set title = 'Natal', updated_at = $now where id = 1",
  'Account renamed': "update accounts set name = 'Loja 2', updated_at = $now where id = 1",
}

const silent: Record<string, string> = {
  'Agent removed from an account, which unassigns conversations in bulk':
    'update conversations set assignee_id = null where id = 1',
  'Team deleted, which empties the column in bulk':
    'with gone as (delete from teams where id = 1) update conversations set team_id = null where team_id = 1',
  'Campaign deleted, which empties the column in bulk':
    'update conversations set campaign_id = null where id = 1',
  'Label deleted (Chatwoot 4.14 and later)': "update conversations set cached_label_list = '' where id = 1",
  'Agent looked at the conversation': 'update conversations set agent_last_seen_at = $now where id = 1',
  '`waiting_since` cleared by a second write after resolving':
    'update conversations set waiting_since = null where id = 1',
  'Survey answers deleted after a merge of contacts': 'delete from csat_survey_responses',
  'Agent leaves a conversation': 'delete from conversation_participants where conversation_id = 1',
  'Contact moved to another company':
    "update contacts set company_id = (select id from companies where name = 'Loja') where id = 2",
  'Attachment removed from a message that stays': 'delete from attachments where message_id = 1',
  'Agent or inbox deleted, and its events with it': 'delete from reporting_events where user_id = 1',
  'Contact deleted, while its conversations still exist': 'delete from contacts where id = 2',
}

let at: SyncFixture

beforeAll(async () => {
  at = await openSmallSync()
  const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
  await insert(at.source, 'companies', { name: 'Loja', account_id: 1, ...stamps })
  const company = await insert(at.source, 'companies', { name: 'Padaria', account_id: 1, ...stamps })
  await insert(at.source, 'contacts', { id: 2, name: 'Eva', account_id: 1, company_id: company, ...stamps })
  await insert(at.source, 'campaigns', { title: 'Verão', message: '', account_id: 1, inbox_id: 1, ...stamps })
  const state = { campaign_id: 1, cached_label_list: 'vip', waiting_since: '2026-01-05' }
  const first = await insertConversation(at.source, { assignee_id: 1, team_id: 1, ...state })
  await insertMessage(at.source, first)
  const of = { account_id: 1, conversation_id: 1, user_id: 1, ...stamps }
  await insert(at.source, 'conversation_participants', of)
  await insert(at.source, 'attachments', { message_id: 1, account_id: 1, file_type: 0, ...stamps })
  await insert(at.source, 'reporting_events', { name: 'first_response', value: 60, ...of })
  await at.sync()
})

afterAll(() => at[Symbol.asyncDispose]())

const change = (text = '') =>
  at.source.query(text.replaceAll('$now', `(clock_timestamp() at time zone 'UTC')`))

const compare = (repair: boolean) =>
  verifyConversations({ source: at.source.url, target: at.target.url, skewAllowance: 0, repair })

describe('a change of which the page says that it is shown', () => {
  it('is one of those tested here', () => {
    expect(page.table('Change').map(([name]) => name)).toEqual(Object.keys(shown))
  })

  it.each(Object.keys(shown))('arrives with the next run: %s', async (name) => {
    await change(shown[name])
    expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
    expect(await compare(false)).toMatchObject({ rowsStale: 0, rowsPending: 0 })
  })
})

describe('a change that the page calls silent', () => {
  const rows = page.table('Silent change')

  it('is one of those tested here', () => {
    expect(rows.map(([name]) => name)).toEqual(Object.keys(silent))
  })

  it.each(rows)('is found by verify only: %s', async (name = '', columns = '') => {
    await change(silent[name])
    expect(await at.sync({ skewAllowance: 0 })).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })

    const { differingColumns, ...report } = await compare(true)

    expect(report).toMatchObject({ rowsStale: 1, rowsSilent: 1, rowsPending: 0, rowsRepaired: 1 })
    const differing = Object.keys(differingColumns)
    // A name that ends in _ stands for all that begin so.
    for (const told of names(columns)) {
      expect(
        differing.some((column) => (told.endsWith('_') ? column.startsWith(told) : column === told)),
        told,
      ).toBe(true)
    }
  })
})
