import { createHash } from 'node:crypto'

import { expect, it } from 'vitest'

import { hashColumnValue } from '../../lib/index.js'
import { openFirstTarget } from '../fixtures/first-release.js'
import { openPersonal } from '../fixtures/personal-fixture.js'
import { openRecordingProxy } from '../fixtures/recording-proxy.js'
import { insert, insertConversation, type SyncFixture } from '../fixtures/sync-fixture.js'
import { sourceServer } from '../setup/database.js'
import { hasMonths } from '../setup/partitions.js'

const hashSecret = 'a secret of the tests, long enough'

async function stored({ target }: SyncFixture) {
  const [row] = await target.query('select * from conversas_analytics')
  return row
}

/** The fingerprint that a guesser makes of a name and an address. */
const guessOf = (row: string) => createHash('md5').update(row).digest('hex').slice(0, 12)

it('no fingerprint of an agent, team, inbox or account lets a protected name be guessed', async () => {
  await using at = await openPersonal()
  await using proxy = await openRecordingProxy(sourceServer())
  const guesses = ['(Ana,ana@example.com,,Ana,Ana)', '(vendas)', '(Site,Channel::Api,,f)', '(Loja)'].map(
    guessOf,
  )
  const names = {
    exclude: ['team_name'],
    hash: ['assignee_email', 'assignee_name'],
    mask: ['inbox_name', 'account_name'],
  }
  const found = async () => {
    const kept = JSON.stringify(await at.target.query('select c::text as row from etl_control c'))
    return guesses.map((guess) => [proxy.sent().includes(guess), kept.includes(guess)])
  }
  const options = { source: proxy.url(at.source.url), columns: names, hashSecret }
  await at.sync(options)
  await at.source.query(`update users set name = 'Bia'`)
  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
  await at.source.query(`update teams set name = 'compras'`)
  expect(await at.sync(options)).toMatchObject({ rowsUpdated: 0 })
  expect(await found()).toEqual(guesses.map(() => [false, false]))
  // Of what is not protected the target has the names anyway.
  await at.source.query(`update users set name = 'Ana'`)
  await at.sync({ source: options.source, reveal: true })
  expect((await found())[0]).toEqual([true, true])
})

it('a state of an earlier release is compared by its own fingerprints once: renames are seen, and nothing else is read', async () => {
  await using at = await openPersonal()
  await using target = await openFirstTarget()
  const options = {
    target: target.url,
    columns: { hash: ['assignee_name'], exclude: ['assignee_email'] },
    hashSecret,
  }
  await insert(at.source, 'users', {
    ...{ id: 2, name: 'Davi', email: 'davi@example.com', uid: 'davi' },
    ...{ created_at: '2026-01-01', updated_at: '2026-01-01' },
  })
  const other = await insertConversation(at.source, { assignee_id: 2 })
  await at.sync(options)
  await target.query(
    `
    update etl_control
    set state = jsonb_set(
      state - 'hasProtectedNames' - 'protection',
      '{smallTables,users}',
      jsonb_build_object('1', $1::text, '2', $2::text))`,
    [guessOf('(Ana,ana@example.com)'), guessOf('(Davi,davi@example.com)')],
  )
  await at.source.query(`update users set name = 'Duda' where id = 2`)

  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsExtracted: 1, rowsUpdated: 1 })

  const [row] = await target.query(
    'select assignee_name from conversas_analytics where conversation_id = $1',
    [other],
  )
  expect(row?.['assignee_name']).toBe(hashColumnValue('Duda', hashSecret))
  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsExtracted: 0 })
})

it('a run with less protection than the last one is rejected before it reads, unless it is to reveal', async () => {
  await using at = await openPersonal()
  const strong = {
    columns: { exclude: ['contact_identifier'], hash: ['contact_email'], mask: ['contact_name'] },
    hashSecret,
    messageTexts: false,
  }
  await at.sync(strong)
  const before = await stored(at)
  const weaker: readonly [object, RegExp][] = [
    [{}, /^(?=.*contact_email)(?=.*contact_name)(?=.*first_message_text)/],
    [{ ...strong, messageTexts: true }, /csat_feedback, first_message_text/],
    [{ ...strong, columns: { ...strong.columns, mask: [] } }, /^contact_name would/],
    [
      { ...strong, columns: { exclude: ['contact_identifier'], mask: ['contact_name', 'contact_email'] } },
      /^contact_email would/,
    ],
  ]
  for (const [options, message] of weaker) {
    for (const loadType of ['incremental', 'full'] as const) {
      await expect(at.sync({ ...options, loadType })).rejects.toMatchObject({
        code: 'PROTECTION_WEAKENED',
        message: expect.stringMatching(message),
        remedy: expect.stringContaining('--reveal'),
      })
    }
  }
  expect(await stored(at)).toEqual(before)

  const stronger = {
    ...strong,
    columns: { exclude: ['contact_identifier', 'contact_email'], hash: ['contact_name'] },
  }
  expect(await at.sync({ ...stronger, hashSecret: `${hashSecret}!` })).toMatchObject({ loadType: 'full' })
  expect(await at.sync({ reveal: true })).toMatchObject({ loadType: 'full' })
  expect(await stored(at)).toMatchObject({ contact_email: 'erica@privado.example' })
  expect(await at.sync()).toMatchObject({ loadType: 'incremental' })
})

it('message_compiled without texts is still less than none of it', async () => {
  await using at = await openPersonal()
  const columns = { exclude: ['message_compiled'] }
  await at.sync({ columns, messageTexts: false })
  await expect(at.sync({ messageTexts: false })).rejects.toMatchObject({
    code: 'PROTECTION_WEAKENED',
    message: expect.stringMatching(/^message_compiled would/),
  })
  const reduced = { keepKeys: { message_compiled: ['sender'] } }
  await at.sync({ columns: reduced, messageTexts: false, reveal: true })
  const shown = at.sync({ columns: reduced })
  await expect(shown).rejects.toMatchObject({ message: expect.not.stringContaining('message_compiled') })
  const texts = { keepKeys: { message_compiled: ['sender', 'text'] } }
  await at.sync({ columns: texts, messageTexts: false, reveal: true })
  await expect(at.sync({ columns: texts })).rejects.toMatchObject({
    message: expect.stringContaining('message_compiled'),
  })
})

it('a full load that reveals and is interrupted is continued without being asked again', async () => {
  await using at = await openPersonal()
  for (let more = 0; more < 5; more += 1) await insertConversation(at.source)
  await at.sync({ messageTexts: false })
  const stop = new AbortController()
  const run = at.sync({ reveal: true, batchSize: 2, signal: stop.signal, onProgress: () => stop.abort() })
  await expect(run).rejects.toMatchObject({ code: 'ABORTED' })
  expect(await at.sync()).toMatchObject({ loadType: 'full', status: 'success' })
})

it('a state of an earlier release that protected something is not weakened without a word either', async () => {
  await using at = await openPersonal()
  await using first = await openFirstTarget()
  const target = first.url
  await at.sync({ target, messageTexts: false })
  await first.query(`update etl_control set state = state - 'protection' - 'hasProtectedNames'`)
  expect(await at.sync({ target, messageTexts: false })).toMatchObject({ loadType: 'incremental' })
  await first.query(`update etl_control set state = state - 'protection'`)
  await expect(at.sync({ target })).rejects.toMatchObject({ code: 'PROTECTION_WEAKENED' })
  expect(await at.sync({ target, reveal: true })).toMatchObject({ loadType: 'full' })
})

// `like` copies no partitions, and the key of each month is not one of the whole.
it.skipIf(hasMonths)(
  'compares the protection with the last run of the pipeline, whichever table that one wrote',
  async () => {
    await using at = await openPersonal()
    await at.target.query('create table second (like conversas_analytics including all)')
    const strong = { columns: { exclude: ['contact_email'] } }
    await at.sync(strong)
    await expect(at.sync({ table: 'second' })).rejects.toMatchObject({ code: 'PROTECTION_WEAKENED' })
    expect(await at.target.query('select from second')).toEqual([])
    // What another pipeline protects, it does not know.
    await at.sync({ table: 'second', pipeline: 'other' })
    expect(await at.target.query('select contact_email from second')).toEqual([
      { contact_email: 'erica@privado.example' },
    ])
    expect(await stored(at)).toMatchObject({ contact_email: null })
  },
)
