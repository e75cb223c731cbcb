import { expect, it } from 'vitest'

import { hashColumnValue, verifyConversations, type ColumnRules } from '../../lib/index.js'
import { openPersonal } from '../fixtures/personal-fixture.js'
import { openRecordingProxy } from '../fixtures/recording-proxy.js'
import { sourceServer } from '../setup/database.js'
import { insertConversation, openSmallSync, openSync, type SyncFixture } from '../fixtures/sync-fixture.js'
import { hasMonths } from '../setup/partitions.js'

const hashSecret = 'a secret of the tests, long enough'
const columns = {
  exclude: ['contact_identifier', 'labels', 'message_compiled'],
  hash: ['contact_email', 'assignee_email'],
  mask: ['contact_name', 'contact_phone', 'client_phone'],
} as const satisfies ColumnRules
const protectedBy = { columns, hashSecret, messageTexts: false }

const raw = /Érica|Santos|privado|98765|12345678909|sigilo|segredo|Confidencial|ana@example/

async function stored({ target }: SyncFixture) {
  const [row] = await target.query('select * from conversas_analytics')
  return row
}

it.each(['copy', 'cursor'] as const)(
  'nothing of a protected column leaves the source by %s',
  async (extractor) => {
    await using at = await openPersonal()
    await using proxy = await openRecordingProxy(sourceServer())
    const options = { ...protectedBy, extractor, source: proxy.url(at.source.url) }

    await at.sync(options)
    await at.target.query('delete from conversas_analytics')
    const sides = { source: options.source, target: at.target.url }
    expect(await verifyConversations({ ...protectedBy, ...sides, repair: true })).toMatchObject({
      rowsRepaired: 1,
    })
    await at.source.query(`update contacts set name = 'Érica Maria', updated_at = now() at time zone 'UTC'`)
    expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })

    expect(proxy.sent().toString('utf8')).not.toMatch(raw)
    expect(proxy.sent().toString('utf8')).toContain('Loja')
    expect(await stored(at)).toMatchObject({
      contact_identifier: null,
      labels: null,
      message_compiled: null,
      contact_email: hashColumnValue('erica@privado.example', hashSecret),
      assignee_email: hashColumnValue('ana@example.com', hashSecret),
      contact_name: 'Xxxxx Xxxxx',
      contact_phone: '+99 (99) 99999-9999',
      first_message_text: null,
      last_message_text: null,
      csat_feedback: null,
      has_written_feedback: true,
      max_message_length: 18,
      account_name: 'Loja',
    })
  },
)

it('the recording proxy would show what is not protected', async () => {
  await using at = await openPersonal()
  await using proxy = await openRecordingProxy(sourceServer())
  await at.sync({ source: proxy.url(at.source.url) })
  for (const fact of ['Érica', 'privado', '98765', 'cpf-', 'sigilo', 'segredo', 'Confidencial', 'ana@']) {
    expect(proxy.sent().includes(fact), fact).toBe(true)
  }
})

it('without texts of messages all else about them is kept', async () => {
  await using at = await openPersonal()
  await at.sync({ messageTexts: false })
  expect(await stored(at)).toMatchObject({
    contact_name: 'Érica dos Santos',
    message_compiled: [expect.objectContaining({ text: null, sender: 'Contact', sender_id: 2 })],
    first_message_sender_type: 'Contact',
    contact_messages_count: 1,
  })
})

it('a mask lets nothing but punctuation and white space through', async () => {
  await using at = await openSmallSync()
  const names = ['ÀÉÎõü ß', '名前 ٣٤', 'a\u0301\u200d🙂-X9', ' \t"quoted"', '', '[x]^`{|}~\\@:/']
  for (const [index, name] of names.entries()) {
    await at.source.query(`update contacts set name = $1`, [name])
    const id = await insertConversation(at.source)
    await at.sync({ loadType: 'full', columns: { mask: ['contact_name'] } })
    const [row] = await at.target.query(
      'select contact_name from conversas_analytics where conversation_id = $1',
      [id],
    )
    expect(row?.['contact_name']).toBe(
      ['XXXxx x', 'xx xx', 'xxxx-X9', ' \t"xxxxxx"', '', '[x]^`{|}~\\@:/'][index],
    )
  }
})

it('a change of what is protected, or of the secret, reads everything, and verify asks for the same', async () => {
  await using at = await openSync()
  const base = { source: at.source.url, target: at.target.url }
  const email = { columns: { hash: ['contact_email'] }, hashSecret }
  await at.sync()
  await expect(verifyConversations({ ...base, ...email })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  for (const options of [email, { ...email, hashSecret: `${hashSecret}!` }, { messageTexts: false }, {}]) {
    expect(await at.sync({ ...options, reveal: true })).toMatchObject({
      loadType: 'full',
      reason: expect.stringContaining('protection'),
    })
    expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsExtracted: 0 })
    expect(await verifyConversations({ ...base, ...options })).toMatchObject({ rowsStale: 0, rowsMissing: 0 })
  }
  await expect(verifyConversations({ ...base, messageTexts: false, repair: true })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('in another way'),
  })
  const rows = await at.target.query(`select c::text from etl_control c`)
  expect(JSON.stringify(rows)).not.toContain(hashSecret)
})

it('protects a relation of the caller, in which any type can be hashed into a text', async () => {
  await using at = await openSync('template0')
  await at.source
    .query(`create table people (id bigint primary key, tax_id bigint, note json, first_message_text text,
    born date, changed_at timestamp); insert into people values (1, 12345678909, '{"a":1}', 'oi', '1990-01-01', now())`)
  await at.target
    .query(`create table people (id bigint primary key, tax_id text, note jsonb, first_message_text text,
    born date, changed_at timestamp)`)
  const relation = { name: 'people', key: 'id', changedAt: 'changed_at' }
  const options = {
    ...{ relation, table: 'people', hashSecret, messageTexts: false },
    columns: { hash: ['tax_id'], exclude: ['note', 'born'] },
  }
  await at.sync(options)
  expect(await at.target.query('select tax_id, note, first_message_text, born from people')).toEqual([
    { tax_id: hashColumnValue('12345678909', hashSecret), note: null, first_message_text: null, born: null },
  ])
  const base = { source: at.source.url, target: at.target.url }
  expect(await verifyConversations({ ...base, ...options })).toMatchObject({ rowsCompared: 1, rowsStale: 0 })
})

it('refuses rules that cannot work, and says which column', async () => {
  await using at = await openSync()
  const wrong: [ColumnRules, RegExp][] = [
    [{ exclude: ['conversation_id'] }, /conversation_id, but it is the key/],
    [{ exclude: ['conversation_updated_at'] }, /it shows what changed/],
    [{ exclude: ['contact_id'] }, /forget/],
    [{ exclude: ['account_id'] }, /the filter needs it/],
    [{ mask: ['contact_nam'] }, /contact_nam, but no such column/],
    [{ hash: ['labels'] }, /labels, but its type in the target is text\[\]/],
    [{ mask: ['message_compiled'] }, /jsonb, which is not a text type/],
    [{ mask: ['contact_name'], exclude: ['contact_name'] }, /contact_name more than once/],
  ]
  for (const [rules, message] of wrong) {
    const run = at.sync({ columns: rules, hashSecret, accounts: [1] })
    await expect(run).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message),
    })
  }
  await at.target.query('alter table conversas_analytics alter inbox_name set not null')
  await expect(at.sync({ columns: { exclude: ['inbox_name'] } })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  })
  await expect(at.sync({ columns: { hash: ['contact_name'] } })).rejects.toMatchObject({
    code: 'CONFIG_MISSING',
  })
  const short = at.sync({ columns: { hash: ['contact_name'] }, hashSecret: 'short' })
  await expect(short).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect(await at.target.query('select from conversas_analytics')).toEqual([])
})

// Its relation lacks the date by which the table is partitioned.
it.skipIf(hasMonths)('no statement that reads holds the secret or its key', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  await at.source.query(`create function statement() returns text language sql as 'select current_query()'`)
  await at.source.query(`create view spied as select id as conversation_id, contact_id,
    updated_at as conversation_updated_at, statement() as contact_name, 'x' as inbox_name from conversations`)
  const relation = { name: 'spied', key: 'conversation_id', changedAt: 'conversation_updated_at' }
  await at.sync({ relation, columns: { hash: ['inbox_name'] }, hashSecret })
  const row = await stored(at)
  expect(row?.['inbox_name']).toBe(hashColumnValue('x', hashSecret))
  expect(row?.['contact_name']).toMatch(/sha256/)
  expect(row?.['contact_name']).not.toMatch(/[0-9a-f]{64}/)
  expect(row?.['contact_name']).not.toContain(hashSecret)
})
