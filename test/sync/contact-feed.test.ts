import { afterAll, beforeAll, expect, it } from 'vitest'

import type { SyncOptions } from '../../lib/options.js'
import { verifyConversations } from '../../lib/operations/verify/verify.js'
import {
  differences,
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  writersOf,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'
import { cases } from '../setup/share.js'

const many = 60
const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
const now = `clock_timestamp() at time zone 'UTC'`
const touch = `update contacts set last_activity_at = ${now}, updated_at = ${now} where id = 2`

let at: SyncFixture

/** Contact 2 of company 1 has many conversations; conversation 1 is of contact 1, and contact 2 wrote first in it. */
beforeAll(async () => {
  at = await openSmallSync()
  const owned = { account_id: 1, ...stamps }
  await insert(at.source, 'companies', { id: 1, name: 'Ipê', ...owned })
  await insert(at.source, 'companies', { id: 2, name: 'Jacarandá', ...owned })
  await insert(at.source, 'contacts', {
    ...{ id: 2, name: 'Rui', email: '', phone_number: '+5511987654321', identifier: 'cpf-1', company_id: 1 },
    ...{ custom_attributes: { plano: 'ouro', idade: 41 }, additional_attributes: { city: 'Recife' } },
    ...{ location: 'Olinda', country_code: 'Brasil', contact_type: 1, blocked: false, ...owned },
  })
  await insertMessage(at.source, await insertConversation(at.source), { sender_id: 2 })
  await at.source.query(
    `insert into conversations (account_id, inbox_id, contact_id, status, created_at, updated_at, last_activity_at)
     select 1, 1, 2, 0, $2, $2, $2 from generate_series(1, $1::integer)`,
    [many, '2026-01-05 15:00:00.123456'],
  )
  await at.source.query(
    `insert into messages (account_id, inbox_id, conversation_id, message_type, content_type, private, sender_type, sender_id, content, created_at, updated_at)
     select 1, 1, id, 0, 0, false, 'Contact', 2, 'Oi', created_at, created_at from conversations where contact_id = 2 and id % 10 > 0`,
  )
  await at.source.query('analyze')
  await at.sync()
})

afterAll(() => at[Symbol.asyncDispose]())

/** The report of an incremental run after a change. */
async function after(change: string, options: Partial<SyncOptions> = {}) {
  await at.source.query(change)
  const report = await at.sync({ skewAllowance: 0, ...options })
  expect(report).toMatchObject({ loadType: 'incremental', reason: null })
  return report
}

it('reads one of the conversations of a contact who writes in one', async () => {
  const before = await writersOf(at.target)
  const report = await after(
    `with sent as (
       insert into messages (account_id, inbox_id, conversation_id, message_type, content_type, private, sender_type, sender_id, content, created_at, updated_at)
       values (1, 1, 51, 0, 0, false, 'Contact', 2, 'Voltei', ${now}, ${now})
     ), seen as (
       update contacts set last_activity_at = ${now}, updated_at = ${now} where id = 2
     )
     update conversations set last_activity_at = ${now}, updated_at = ${now} where id = 51`,
  )
  expect(report).toMatchObject({ rowsExtracted: 1, rowsUpdated: 1 })
  const written = await writersOf(at.target)
  expect(written.filter((row, place) => JSON.stringify(row) !== JSON.stringify(before[place]))).toHaveLength(
    1,
  )
  expect(await differences(at)).toEqual([])
})

it.each([
  ['name', `name = 'Rui Sá'`],
  ['e-mail', `email = 'rui@example.com'`],
  ['e-mail, which was empty and is none now', `email = null`],
  ['identifier', `identifier = 'cpf-2'`],
  ['custom attributes', `custom_attributes = '{"plano": "ouro", "idade": 41.0}'`],
  ['city', `additional_attributes = '{"city": "Natal"}'`],
  ['location in place of the city', `additional_attributes = '{}'`],
  ['country', `country_code = 'Portugal'`],
  ['code of the country', `additional_attributes = additional_attributes || '{"country_code": "BR"}'`],
  ['company', `company_id = 2`],
  ['type', `contact_type = 2`],
  ['block', `blocked = true`],
])('reads all conversations of a contact with another %s', async (_, assignment) => {
  expect(await after(`update contacts set ${assignment}, updated_at = ${now} where id = 2`)).toMatchObject({
    rowsExtracted: many,
    rowsUpdated: many,
  })
  expect(await differences(at)).toEqual([])
})

it.each([
  ['phone', `phone_number = '+5511912345678'`],
  ['phone that is empty', `phone_number = ''`],
  ['phone that is none', `phone_number = null`],
])(
  'reads the conversations in which a contact with another %s wrote first as well',
  async (_, assignment) => {
    expect(await after(`update contacts set ${assignment}, updated_at = ${now} where id = 2`)).toMatchObject({
      rowsUpdated: many + 1,
    })
    expect(await differences(at)).toEqual([])
  },
)

it('reads no conversation of a company that changed without its name, and all of one that was renamed', async () => {
  expect(await after(`update companies set updated_at = ${now}`)).toMatchObject({ rowsExtracted: 0 })
  expect(await after(`update companies set name = name || ' Ltda.', updated_at = ${now}`)).toMatchObject({
    rowsUpdated: many,
  })
  expect(await differences(at)).toEqual([])
})

it('reads what another program has changed, deleted or soft-deleted in the target', async () => {
  await at.target.query(`
    update conversas_analytics set contact_name = 'Outro' where conversation_id = 20;
    update conversas_analytics set client_phone = '0' where conversation_id in (1, 22);
    update conversas_analytics set contact_id = 1 where conversation_id = 24;
    update conversas_analytics set deleted_at = now() where conversation_id = 25;
    delete from conversas_analytics where conversation_id = 26`)
  expect(await after(touch, { acceptTargetDeletes: true })).toMatchObject({
    ...{ rowsExtracted: 6, rowsUpdated: 5, rowsInserted: 1 },
  })
  expect(await differences(at)).toEqual([])
})

it('reads the conversation of a contact that the target shows with another one', async () => {
  // Of a release that moves conversations without a stamp.
  await at.source.query(`update conversations set contact_id = 2 where id = 1`)
  expect(await after(touch)).toMatchObject({ rowsExtracted: 1, rowsUpdated: 1 })
  expect(await differences(at)).toEqual([])
  await after(`update conversations set contact_id = 1, updated_at = ${now} where id = 1`)
})

it('soft-deletes a conversation that is gone while messages of the contact are left', async () => {
  const id = await insertConversation(at.source)
  await insertMessage(at.source, id, { sender_id: 2 })
  expect(await at.sync()).toMatchObject({ rowsInserted: 1 })
  await at.source.query('delete from conversations where id = $1', [id])
  expect(await after(touch)).toMatchObject({ rowsExtracted: 0, rowsDeleted: 1 })
})

it('verify counts a silent change as such while its contact writes', async () => {
  await at.source.query(`update conversations set agent_last_seen_at = '2026-02-01' where id = 52`)
  await at.source.query(touch)
  const found = await verifyConversations({ source: at.source.url, target: at.target.url })
  expect(found).toMatchObject({ rowsSilent: 1, differingColumns: { agent_last_seen_at: 1 } })
})

const hashSecret = 'a secret of the test'

it('a dry run counts the same', async () => {
  expect(await after(touch, { dryRun: true })).toMatchObject({ rowsExtracted: 0 })
  expect(
    await after(`update contacts set name = 'Rui Alves', updated_at = ${now} where id = 2`, { dryRun: true }),
  ).toMatchObject({ rowsUpdated: many })
})

const protections: [string, Partial<SyncOptions>, string, number][] = [
  ['hashed', { columns: { hash: ['contact_name'] }, hashSecret }, `name = 'Rui Sá'`, many],
  ['masked', { columns: { mask: ['contact_name'] } }, `name = 'Rui Sá'`, many],
  ['masked to the same', { columns: { mask: ['contact_name'] } }, `name = 'Eva'`, 0],
  ['excluded', { columns: { exclude: ['contact_name'] } }, `name = 'Rui Sá'`, 0],
  [
    'reduced to a key that changed',
    { columns: { keepKeys: { contact_custom_attributes: ['plano'] } } },
    `custom_attributes = '{"plano": "prata", "idade": 41}'`,
    many,
  ],
  [
    'reduced to a key, while another one changed',
    { columns: { keepKeys: { contact_custom_attributes: ['plano'] } } },
    `custom_attributes = '{"plano": "ouro", "idade": 42}'`,
    0,
  ],
  [
    'the phone of the contact alone is excluded',
    { columns: { exclude: ['contact_phone', 'empty_texts'] } },
    `phone_number = '+5511912345678'`,
    many + 1 - Math.floor(many / 10),
  ],
]
const first = ['hashed', 'reduced to a key, while another one changed']
const chosen = cases(
  protections.filter(([what]) => first.includes(what)),
  protections,
)

it.each(chosen)('a contact of whom something is %s', async (_, options, assignment, rows) => {
  await at.source.query(`
    update contacts
    set name = 'Rui', phone_number = '+5511987654321', custom_attributes = '{"plano": "ouro", "idade": 41}'
    where id = 2`)
  await at.sync({ ...options, loadType: 'full', reveal: true })
  expect(await after(touch, options)).toMatchObject({ rowsExtracted: 0 })
  const report = await after(`update contacts set ${assignment}, updated_at = ${now} where id = 2`, options)
  expect(report).toMatchObject({ rowsExtracted: rows, rowsUpdated: rows })
  const found = await at.sync({ ...options, loadType: 'full' })
  expect(found).toMatchObject({ rowsUpdated: 0, rowsInserted: 0 })
})

it('reads all that a transform may have made something else of', async () => {
  const transform: NonNullable<SyncOptions['transform']> = (row) => ({ ...row, contact_name: 'X' })
  await at.sync({ transform, loadType: 'full', reveal: true })
  expect(await after(touch, { transform })).toMatchObject({ rowsExtracted: many + 1, rowsUpdated: 0 })
})
