import { expect, it } from 'vitest'

import { verifyConversations, type ColumnRules } from '../../lib/index.js'
import { openPersonal } from '../fixtures/personal-fixture.js'
import { openRecordingProxy } from '../fixtures/recording-proxy.js'
import { openSync, type SyncFixture } from '../fixtures/sync-fixture.js'
import { sourceServer } from '../setup/database.js'

const columns = {
  keepKeys: { custom_attributes: ['plan', "o'clock \\ é"], contact_custom_attributes: ['city'] },
} as const satisfies ColumnRules

async function openAttributes() {
  const at = await openPersonal()
  await at.source.query(`
    update conversations set custom_attributes = '{"plan": {"name": "ouro", "since": 2024.10}, "cpf": "123-sigiloso", "o''clock \\\\ é": [1]}';
    update contacts set custom_attributes = '{"city": null, "mother": "Maria-sigilosa"}'`)
  return at
}

async function stored({ target }: SyncFixture) {
  const [row] = await target.query('select * from conversas_analytics')
  return row
}

const reduced = {
  custom_attributes: { plan: { name: 'ouro', since: 2024.1 }, "o'clock \\ é": [1] },
  contact_custom_attributes: { city: null },
}

it.each(['copy', 'cursor'] as const)(
  'only named keys of a column leave the source by %s',
  async (extractor) => {
    await using at = await openAttributes()
    await using proxy = await openRecordingProxy(sourceServer())
    const options = { columns, extractor, source: proxy.url(at.source.url) }
    await at.sync(options)
    expect(await stored(at)).toMatchObject(reduced)

    await at.target.query(`update conversas_analytics set custom_attributes = '{"plan": 1}'`)
    const sides = { source: options.source, target: at.target.url }
    expect(await verifyConversations({ columns, ...sides, repair: true })).toMatchObject({
      rowsStale: 1,
      differingColumns: { custom_attributes: 1 },
      rowsRepaired: 1,
    })
    expect(await verifyConversations({ columns, ...sides })).toMatchObject({ rowsStale: 0 })
    await at.source.query(`
    update conversations set custom_attributes = '{"cpf": "456-sigiloso"}', updated_at = now() at time zone 'UTC'`)
    expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsUpdated: 1 })
    expect(await stored(at)).toMatchObject({ ...reduced, custom_attributes: {} })
    expect(proxy.sent().toString('utf8')).not.toMatch(/sigilos|mother/)
  },
)

it('entries of a list are reduced one by one, and what is neither an object nor a list of them is left out', async () => {
  await using at = await openAttributes()
  await at.source.query(`update contacts set custom_attributes = '"text"'`)
  await at.sync({
    columns: { keepKeys: { contact_custom_attributes: ['city'], message_compiled: ['sender', 'private'] } },
  })
  expect(await stored(at)).toMatchObject({
    contact_custom_attributes: null,
    message_compiled: [{ sender: 'Contact', private: false }],
  })
})

it('fewer keys are more protection, and more of them are loaded only by a run that is to reveal', async () => {
  await using at = await openAttributes()
  const keep = (...keys: string[]) => ({ columns: { keepKeys: { custom_attributes: keys } } })
  await at.sync(keep('plan', 'cpf'))
  expect(await at.sync(keep('cpf', 'plan', 'cpf'))).toMatchObject({ loadType: 'incremental' })
  await expect(
    verifyConversations({ ...keep('plan'), source: at.source.url, target: at.target.url }),
  ).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect(await at.sync(keep('plan'))).toMatchObject({
    loadType: 'full',
    reason: expect.stringContaining('protection'),
  })
  const weaker: readonly ColumnRules[] = [
    { keepKeys: { custom_attributes: ['cpf'] } },
    { keepKeys: { custom_attributes: ['plan', 'cpf'] } },
    { include: ['custom_attributes'] },
    {},
  ]
  for (const rules of weaker) {
    await expect(at.sync({ columns: rules })).rejects.toMatchObject({
      code: 'PROTECTION_WEAKENED',
      message: expect.stringMatching(/^custom_attributes would/),
    })
  }
  await at.sync({ columns: { exclude: ['custom_attributes'] } })
  expect(await stored(at)).toMatchObject({ custom_attributes: null })
  await expect(at.sync(keep('plan'))).rejects.toMatchObject({ code: 'PROTECTION_WEAKENED' })
  expect(await at.sync({ ...keep('plan'), reveal: true })).toMatchObject({ loadType: 'full' })
})

it('keys are kept of a relation of the caller, of json as well as of jsonb', async () => {
  await using at = await openSync('template0')
  const table = 'id bigint primary key, one json, other jsonb, changed_at timestamp'
  await at.source.query(`
    create table people (${table});
    insert into people values (1, '{"a":1.50,"b":2}', '[{"a":{"b":1},"c":2},3,null,[{"a":1}]]', now()), (2, null, '7', now())`)
  await at.target.query(`create table people (${table.replace('json,', 'jsonb,')})`)
  const options = {
    ...{ relation: { name: 'people', key: 'id', changedAt: 'changed_at' }, table: 'people' },
    columns: { keepKeys: { one: ['a'], other: ['a'] } },
  }
  await at.sync(options)
  expect(await at.target.query('select one::text, other::text from people order by id')).toEqual([
    { one: '{"a": 1.50}', other: '[{"a": {"b": 1}}, null, null, null]' },
    { one: null, other: null },
  ])
  const sides = { source: at.source.url, target: at.target.url }
  expect(await verifyConversations({ ...options, ...sides })).toMatchObject({ rowsStale: 0, rowsCompared: 2 })
  await at.source.query('alter table people alter one type text')
  await expect(at.sync(options)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('type in the source is text'),
  })
})

it('rejects keys of a column that is no json, no keys at all, and a column that is protected twice', async () => {
  await using at = await openSync()
  const wrong: readonly [ColumnRules, RegExp][] = [
    [
      { keepKeys: { contact_name: ['a'] } },
      /keepKeys names contact_name, but its type in the target is text/,
    ],
    [{ keepKeys: { labels: ['a'] } }, /keepKeys names labels, but its type in the target is text\[\]/],
    [{ keepKeys: { custom_attribute: ['a'] } }, /custom_attribute, but no such column/],
    [{ keepKeys: { custom_attributes: [] } }, /columns.keepKeys.custom_attributes/],
    [{ keepKeys: { custom_attributes: ['a\0'] } }, /columns.keepKeys.custom_attributes/],
    [
      { keepKeys: { custom_attributes: ['a'] }, exclude: ['custom_attributes'] },
      /custom_attributes more than once/,
    ],
  ]
  for (const [rules, message] of wrong) {
    await expect(at.sync({ columns: rules })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message),
    })
  }
  for (const how of ['hash', 'mask'] as const) {
    const run = at.sync({ columns: { [how]: ['custom_attributes'] }, hashSecret: 'a secret of the tests' })
    await expect(run).rejects.toMatchObject({ remedy: expect.stringContaining('columns.keepKeys') })
  }
})
