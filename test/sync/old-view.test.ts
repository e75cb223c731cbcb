import { expect, it } from 'vitest'

import { oldViewColumns as stored } from '../../lib/chatwoot/added-columns.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'
import { chatwootTemplate } from '../fixtures/chatwoot-template.js'
import { oddities } from '../fixtures/old-view-oddities.js'
import type { Raw, RawConversation } from '../fixtures/old-view-facts.js'
import { oldViewColumns, oldViewRow } from '../fixtures/old-view-oracle.js'
import { openSync, readTexts } from '../fixtures/sync-fixture.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'
import { share } from '../setup/share.js'
import { chatwootSize } from '../setup/templates.js'

const view = 'vw_conversas_analytics_v3'
const names = oldViewColumns.map(([name]) => name)

const size = Number(process.env['TEST_CONVERSATIONS'] ?? share(60, 482))
const seed = Number(process.env['TEST_SEED'] ?? 1)

const openOldWorld = async (isOdd: boolean) => {
  const at = await openSync(await chatwootTemplate(size))
  if (isOdd) await at.source.query(oddities((seed % 1000) / 1000))
  return at
}

it('the view of the old dashboards has the columns of the Python pipeline, in their order and with their types', async () => {
  await using target = await cloneDatabase('target')
  const columns = await readTexts(
    target,
    `select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = '${view}'::regclass and attnum > 0 order by attnum`,
  )
  expect(columns).toHaveLength(118)
  expect(columns).toEqual(oldViewColumns.map(([name, type]) => [name, type]))
})

const atEveryEdge = {
  what: 'at every edge of its conditions, in a zone that was set',
  isOdd: true,
  zone: 'Pacific/Kiritimati',
  hours: 14,
}
const cases = share(
  [atEveryEdge],
  [
    atEveryEdge,
    { what: 'of a usual Chatwoot', isOdd: false, zone: 'UTC', hours: 0 },
    { what: 'at every edge of its conditions', isOdd: true, zone: 'UTC', hours: 0 },
    { what: 'in a zone behind UTC', isOdd: true, zone: 'Etc/GMT+12', hours: -12 },
  ],
)

it.each(cases)(
  'returns each cell $what as the old view did',
  { timeout: 600_000 },
  async ({ isOdd, zone, hours }) => {
    await using at = await openOldWorld(isOdd)
    await at.sync()
    const { now, rows } = await readView(at.target, zone)
    const expected = (await rawConversations(at.source)).map((raw) =>
      oldViewRow(raw, { now, offset: BigInt(hours) * 3_600_000_000n }),
    )
    expect(rows).toHaveLength(size)
    expect(differences(rows, expected)).toEqual([])
    // Each column was really compared.
    const empty = names.filter((_, place) => rows.every((row) => row[place] === null))
    expect(empty).toEqual([])
  },
)

it('without the texts of messages returns all but them', { timeout: 600_000 }, async () => {
  await using at = await openOldWorld(true)
  await at.sync({ messageTexts: false })
  const { now, rows } = await readView(at.target, 'UTC')
  const expected = (await rawConversations(at.source)).map((raw) => oldViewRow(raw, { now, offset: 0n }))
  const texts = ['message_compiled', 'csat_feedback', 'first_message_text', 'last_message_text']
  expect(new Set(differences(rows, expected).map((each) => each.split(' ')[1]))).toEqual(new Set(texts))
})

it('is filled by one full load once migrate has added what it needs; until then runs work without', async () => {
  await using at = await openSync()
  const added = stored.map((name) => `drop column ${name}`).join(', ')
  await at.target.query(`
    drop view ${view};
    alter table conversas_analytics ${added};
    delete from public.schema_migrations where version = '20261126200647'`)
  await at.sync()
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsExtracted: 0 })
  expect((await migrate({ target: at.target.url })).notes).toEqual([expect.stringContaining(view)])
  expect(await at.sync()).toMatchObject({ loadType: 'full', rowsExtracted: chatwootSize })
  const { now, rows } = await readView(at.target, '')
  const expected = (await rawConversations(at.source)).map((raw) => oldViewRow(raw, { now, offset: 0n }))
  expect(differences(rows, expected)).toEqual([])
})

async function readView(target: TestDatabase, zone: string) {
  const client = await target.pool.connect()
  try {
    await client.query(
      `begin; set local chatwoot_sync.reading_time_zone = '${zone}'; set local timezone = 'Asia/Tokyo'`,
    )
    const { rows: times } = await client.query<{ now: string }>(
      'select (extract(epoch from now()) * 1000000)::bigint::text as now',
    )
    const cells = names.map((name) => `${name}::text`).join(', ')
    const { rows } = await client.query<(string | null)[]>({
      text: `select ${cells} from ${view} v order by v.conversation_id`,
      rowMode: 'array',
    })
    await client.query('commit')
    return { now: BigInt(times[0]?.now ?? 0), rows }
  } finally {
    client.release()
  }
}

function differences(
  rows: readonly (readonly (string | null)[])[],
  expected: readonly (readonly (string | null)[])[],
) {
  const sameJson = (text: string | null) =>
    text === null
      ? null
      : JSON.stringify(JSON.parse(text), [
          'text',
          'sender',
          'private',
          'sent_at',
          'sender_id',
          'message_id',
          'message_type',
        ])
  return rows.flatMap((row, index) =>
    row.flatMap((cell, place) => {
      const name = names[place] ?? ''
      const [one, other] = [cell, expected[index]?.[place] ?? null].map((each) =>
        name === 'message_compiled' ? sameJson(each) : each,
      )
      return one === other ? [] : [`${row[0] ?? ''} ${name} ${one ?? 'NULL'} | ${other ?? 'NULL'}`]
    }),
  )
}

async function rawConversations(source: TestDatabase): Promise<RawConversation[]> {
  const [conversations, messages, answers] = await Promise.all([
    rawRows(source, 'select * from conversations order by id'),
    rawRows(source, 'select * from messages order by created_at, id'),
    rawRows(source, 'select * from csat_survey_responses order by created_at, id'),
  ])
  const [contacts, inboxes, users, teams, accounts] = await Promise.all(
    ['contacts', 'inboxes', 'users', 'teams', 'accounts'].map(async (table) => {
      const rows = await rawRows(source, `select * from ${table}`)
      return new Map(rows.map((row) => [row['id'] ?? null, row]))
    }),
  )
  const ofConversation = new Map<string | null, Raw[]>()
  for (const message of messages) {
    const id = message['conversation_id'] ?? null
    ofConversation.set(id, ofConversation.get(id) ?? [])
    ofConversation.get(id)?.push(message)
  }
  const answerOf = new Map(answers.map((answer) => [answer['conversation_id'] ?? null, answer]))
  return conversations.map((conversation) => {
    const found = (table: ReadonlyMap<string | null, Raw> | undefined, reference: string) =>
      table?.get(conversation[reference] ?? null)
    return {
      conversation,
      contact: found(contacts, 'contact_id'),
      inbox: found(inboxes, 'inbox_id'),
      assignee: found(users, 'assignee_id'),
      team: found(teams, 'team_id'),
      account: found(accounts, 'account_id'),
      messages: ofConversation.get(conversation['id'] ?? null) ?? [],
      answer: answerOf.get(conversation['id'] ?? null),
      phoneOf: (contact) => contacts?.get(contact)?.['phone_number'] ?? null,
    }
  })
}

/** Every cell as the text that the server writes. */
async function rawRows(source: TestDatabase, query: string): Promise<Raw[]> {
  const client = await source.pool.connect()
  try {
    const { rows } = await client.query<Raw>({ text: query, types: { getTypeParser: () => String } })
    return rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, cell]) => [name, name === 'private' ? String(cell === 't') : cell]),
      ),
    )
  } finally {
    client.release()
  }
}
