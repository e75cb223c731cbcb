import { expect, it } from 'vitest'

import { addedColumns } from '../../lib/chatwoot/added-columns.js'
import { rowColumns } from '../../lib/chatwoot/columns.js'
import {
  insertConversation,
  insertMessage,
  openSmallSync,
  openSync,
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
  ['conversations', 'campaign_id', { campaign_id: null, campaign_title: null, is_from_campaign: false }],
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

/** Tables and columns that a release may lack or the role may not read, and what is NULL then, not 0. */
const extras = [
  ['attachments', undefined, ['attachments_count', 'attachment_types']],
  ['conversation_participants', undefined, ['participant_ids']],
  ['agent_bots', undefined, ['bot_name']],
  ['campaigns', undefined, ['campaign_title']],
  ['sla_policies', undefined, ['sla_policy_name']],
  ['applied_slas', undefined, ['sla_status', 'sla_applied_at', 'is_sla_missed']],
  ['sla_events', undefined, ['sla_missed_types']],
  // Where another table says that there is a bot, that is still known.
  ['agent_bot_inboxes', undefined, []],
  ['users', 'display_name', ['assignee_display_name']],
  ['messages', 'content_type', ['content_types', 'csat_sent_at']],
  [
    'messages',
    'content_attributes',
    ['deleted_messages_count', 'external_echo_count', 'automation_messages_count'],
  ],
  ['messages', 'additional_attributes', ['campaign_messages_count']],
  ['messages', 'status', ['failed_messages_count']],
  ['conversations', 'custom_attributes', ['custom_attributes']],
  ['conversations', 'additional_attributes', ['additional_attributes', 'referer', 'browser_name']],
  ['conversations', 'sla_policy_id', ['sla_policy_id', 'sla_policy_name']],
  ['conversations', 'assignee_agent_bot_id', ['assignee_agent_bot_id', 'bot_name']],
  ['contacts', 'blocked', ['contact_blocked', 'bot_resolutions_count']],
  ['contacts', 'contact_type', ['contact_type']],
  ['contacts', 'custom_attributes', ['contact_custom_attributes']],
  [
    'reporting_events',
    undefined,
    ['reporting_events', 'resolutions_count', 'reply_time_count', 'has_bot_handoff'],
  ],
] as const

it('lacks one table or column after the other that came later, and what comes of it is NULL', async () => {
  const fixture = await openSync()
  await using at = fixture
  const count = async () => {
    await at.sync({ loadType: 'full' })
    const counts = rowColumns.map((name) => `count(${name})::integer as ${name}`).join(', ')
    const [row] = await at.target.query<Record<string, number>>(`select ${counts} from conversas_analytics`)
    return row ?? {}
  }
  const whole = await count()
  for (const [table, column, empty] of extras) {
    const [away, back] =
      column === undefined
        ? [`alter table ${table} rename to kept`, `alter table kept rename to ${table}`]
        : [
            `alter table ${table} rename column ${column} to kept`,
            `alter table ${table} rename column kept to ${column}`,
          ]
    await at.source.query(away)

    const counts = await count()

    if (table === 'agent_bot_inboxes') {
      expect(counts['inbox_has_bot']).toBeLessThan(whole['inbox_has_bot'] ?? 0)
    }
    const names = Object.keys(whole).filter((name) => (counts[name] ?? 0) === 0 && (whole[name] ?? 0) > 0)
    expect(names, `${table}.${column}`).toEqual(expect.arrayContaining([...empty]))
    expect(
      names.every((name) => name in addedColumns),
      names.join(', '),
    ).toBe(true)
    await at.source.query(back)
  }
  for (const [table, column] of extras.filter(([, column]) => column === undefined)) {
    await at.source.query(`drop table ${table} cascade`)
    expect(column).toBeUndefined()
  }
  for (const table of ['companies', 'integrations_hooks', 'captain_inboxes'])
    await at.source.query(`drop table ${table}`)
  expect(await at.sync()).toMatchObject({ loadType: 'full' })
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
})
