import { expect, it } from 'vitest'

import { addedPersonalColumns } from '../../lib/chatwoot/added-columns.js'
import { hashColumnValue, verifyConversations, type ColumnRules } from '../../lib/index.js'
import { openPersonal } from '../fixtures/personal-fixture.js'
import { openRecordingProxy } from '../fixtures/recording-proxy.js'
import type { SyncFixture } from '../fixtures/sync-fixture.js'
import { sourceServer } from '../setup/database.js'

const hashSecret = 'a secret of the tests, long enough'

/** What each new personal column holds in clear; all of it has the mark that must not leave the source. */
const clear: Readonly<Record<string, unknown>> = {
  csat_assigned_agent_name: 'Oculto Agente',
  custom_attributes: { plano: 'Oculto 1' },
  additional_attributes: {
    referer: 'https://oculto.example/2',
    browser: { browser_name: 'Oculto 3', platform_name: 'Oculto 4' },
    browser_language: 'oculto-5',
  },
  referer: 'https://oculto.example/2',
  browser_name: 'Oculto 3',
  platform_name: 'Oculto 4',
  browser_language: 'oculto-5',
  contact_custom_attributes: { plano: 'Oculto 6' },
  contact_city: 'Oculto 7',
  contact_country: 'Oculto 8',
  contact_country_code: 'Oculto 9',
  contact_company: 'Oculto 10',
  contact_blocked: true,
  contact_type: 2,
  assignee_display_name: 'Oculto Apelido',
  agents: ['Oculto Agente'],
}
const texts = addedPersonalColumns.filter((name) => typeof clear[name] === 'string')
const others = addedPersonalColumns.filter((name) => !texts.includes(name))

/** Columns of the first release in which the agent is named too. */
const assignee = ['assignee_name', 'assignee_email']

async function openMarked(): Promise<SyncFixture> {
  const at = await openPersonal()
  const write = (text: string, values: unknown[]) => at.source.query(text, values)
  const contact = {
    city: 'Oculto 7',
    country: 'Oculto 8',
    country_code: 'Oculto 9',
    company_name: 'Oculto 10',
  }
  await write('update conversations set custom_attributes = $1, additional_attributes = $2', [
    clear['custom_attributes'],
    clear['additional_attributes'],
  ])
  await write(
    'update contacts set custom_attributes = $1, additional_attributes = $2, blocked = true, contact_type = 2',
    [clear['contact_custom_attributes'], contact],
  )
  await write('update users set name = $1, display_name = $2', ['Oculto Agente', 'Oculto Apelido'])
  await write('update csat_survey_responses set assigned_agent_id = 1', [])
  await write(
    `insert into messages (content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, private, sender_type, sender_id)
     select $1, account_id, inbox_id, id, 1, created_at, created_at, false, 'User', 1 from conversations`,
    ['Resposta em segredo'],
  )
  return at
}

async function stored({ target }: SyncFixture) {
  const [row] = await target.query('select * from conversas_analytics')
  return row ?? {}
}

const shapeOf = (text: unknown) =>
  String(text).replaceAll(/[0-9]/g, '9').replaceAll(/[A-Z]/g, 'X').replaceAll(/[a-z]/g, 'x')

it('each new column with personal data holds what the source has, where nothing protects it', async () => {
  await using at = await openMarked()
  await at.sync()
  expect(await stored(at)).toMatchObject(clear)
  expect(Object.keys(clear).sort()).toEqual([...addedPersonalColumns].sort())
})

const ways: readonly [what: string, rules: ColumnRules, cell: (value: unknown) => unknown][] = [
  ['excluded', { exclude: [...texts, ...others, ...assignee] }, () => null],
  [
    'hashed',
    { hash: texts, exclude: [...others, ...assignee] },
    (text) => hashColumnValue(String(text), hashSecret),
  ],
  ['masked', { mask: texts, exclude: [...others, ...assignee] }, shapeOf],
]

it.each(ways)('nothing of any new column leaves the source where it is %s', async (_, columns, cell) => {
  await using at = await openMarked()
  await using proxy = await openRecordingProxy(sourceServer())
  const options = { columns, hashSecret, source: proxy.url(at.source.url) }
  await at.sync(options)
  await at.source.query(`update conversations set updated_at = now() at time zone 'UTC', priority = 1`)
  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
  const found = await verifyConversations({ ...options, target: at.target.url })
  expect(found).toMatchObject({ rowsCompared: 1, rowsStale: 0 })

  expect(
    proxy
      .sent()
      .toString('utf8')
      .match(/.{20}oculto.{20}/gis),
  ).toBeNull()
  const row = await stored(at)
  expect(Object.fromEntries(texts.map((name) => [name, row[name]]))).toEqual(
    Object.fromEntries(texts.map((name) => [name, cell(clear[name])])),
  )
  for (const name of others) expect(row[name], name).toBeNull()
})

it('new columns that hold no text are neither hashed nor masked, and the message says what to do', async () => {
  await using at = await openMarked()
  for (const name of others) {
    for (const how of ['hash', 'mask'] as const) {
      await expect(at.sync({ columns: { [how]: [name] }, hashSecret }), name).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(new RegExp(`columns.${how} names ${name}, but its type`)),
        remedy: expect.stringMatching(/^Exclude it/),
      })
    }
  }
})

it('without message texts no text that people wrote leaves the source, and flags, lengths and other columns survive', async () => {
  await using at = await openMarked()
  await using proxy = await openRecordingProxy(sourceServer())
  await at.sync()
  const before = await stored(at)
  await at.sync({ messageTexts: false, source: proxy.url(at.source.url) })
  expect(
    proxy
      .sent()
      .toString('utf8')
      .match(/.{20}(segredo|Confidencial)/gs),
  ).toBeNull()
  const after = await stored(at)
  const gone = [
    'csat_feedback',
    'first_message_text',
    'last_message_text',
    'message_compiled',
    'etl_updated_at',
  ]
  const kept = (row: object) => Object.entries(row).filter(([name]) => !gone.includes(name))
  expect(kept(after)).toEqual(kept(before))
  expect(after).toMatchObject({
    ...{ csat_feedback: null, first_message_text: null, last_message_text: null },
    ...{ has_written_feedback: true, has_detailed_feedback: false, csat_feedback_length: 12 },
    ...{ csat_rating: 5, csat_responses: [expect.objectContaining({ rating: 5 })] },
    ...{ max_message_length: 19, longest_public_text: 19, public_texts_count: 2, public_texts_length: '37' },
  })
})

it('feedback that is excluded leaves its flags and its length', async () => {
  await using at = await openMarked()
  await at.sync({ columns: { exclude: ['csat_feedback'] } })
  expect(await stored(at)).toMatchObject({
    ...{ csat_feedback: null, has_written_feedback: true, has_detailed_feedback: false },
    ...{ csat_feedback_length: 12, csat_rating: 5 },
  })
})
