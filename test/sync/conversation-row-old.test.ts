import { expect, it } from 'vitest'

import { rowColumns } from '../../lib/chatwoot/columns.js'
import {
  insertConversation,
  insertMessage,
  openSmallSync,
  storedRow,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

/** Columns that some release of Chatwoot lacks, and what the row then has where it would have something. */
const optional = [
  ['conversations', 'uuid', { conversation_uuid: null }],
  [
    'conversations',
    'priority',
    {
      priority: null,
      priority_label: 'Nenhuma',
      priority_score: 0,
      has_priority: false,
      is_high_priority: false,
    },
  ],
  ['conversations', 'team_id', { team_id: null, team_name: null, has_team: false }],
  ['conversations', 'campaign_id', { campaign_id: null, is_from_campaign: false }],
  ['conversations', 'snoozed_until', { snoozed_until: null }],
  ['conversations', 'contact_last_seen_at', { contact_last_seen_at: null, contact_has_seen: false }],
  ['conversations', 'agent_last_seen_at', { agent_last_seen_at: null, agent_has_seen: false }],
  [
    'conversations',
    'first_reply_created_at',
    {
      first_reply_created_at: null,
      first_response_time_seconds: null,
      first_response_time_minutes: null,
      is_fast_response: false,
    },
  ],
  ['conversations', 'waiting_since', { waiting_since: null, is_waiting: false }],
  ['conversations', 'cached_label_list', { labels: [] }],
  ['inboxes', 'timezone', { inbox_timezone: null, calendar_timezone: 'UTC', conversation_hour: 15 }],
  ['contacts', 'identifier', { contact_identifier: null }],
] as const

/** A conversation with something in every optional column. */
async function openFull(): Promise<{ fixture: SyncFixture; id: number }> {
  const fixture = await openSmallSync()
  await fixture.source.query(`update inboxes set timezone = 'Asia/Tokyo'`)
  await fixture.source.query(`update contacts set identifier = 'crm-1'`)
  const stamps = ['snoozed_until', 'contact_last_seen_at', 'agent_last_seen_at', 'waiting_since']
  const id = await insertConversation(fixture.source, {
    ...Object.fromEntries(stamps.map((name) => [name, '2026-01-05 16:00:00'])),
    ...{ priority: 3, team_id: 1, campaign_id: 1, cached_label_list: 'vip' },
    first_reply_created_at: '2026-01-05 15:00:10.123456',
  })
  await insertMessage(fixture.source, id)
  return { fixture, id }
}

it('lacks one column after the other, and only what comes of it is empty', async () => {
  const { fixture, id } = await openFull()
  await using at = fixture
  const whole = await storedRow(at, id)
  for (const [table, column, without] of optional) {
    await at.source.query(`alter table ${table} rename column ${column} to kept`)

    const row = await storedRow(at, id)

    // Another time zone moves the whole calendar.
    const calendar = column === 'timezone' ? rowColumns.slice(rowColumns.indexOf('calendar_timezone')) : []
    const kept = Object.entries(whole ?? {}).filter(([name]) => !calendar.some((each) => each === name))
    expect(row, `${table}.${column}`).toMatchObject({ ...Object.fromEntries(kept), ...without })
    await at.source.query(`alter table ${table} rename column kept to ${column}`)
  }
})

it('lacks all of them at once', async () => {
  const { fixture, id } = await openFull()
  await using _ = fixture
  for (const [table, column] of optional) {
    await fixture.source.query(`alter table ${table} drop column ${column} cascade`)
  }
  const row = await storedRow(fixture, id)
  expect(row).toMatchObject(Object.assign({}, ...optional.map(([, , without]) => without)))
  expect(row).toMatchObject({ contact_name: 'Zé', inbox_name: 'Site', t_messages: 1 })
  expect(Object.keys(row ?? {})).toEqual(expect.arrayContaining([...rowColumns]))
  expect(await fixture.sync()).toMatchObject({ loadType: 'incremental' })
})
