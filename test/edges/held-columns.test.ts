import { expect, it } from 'vitest'

import { addedColumns, addedPersonalColumns } from '../../lib/chatwoot/added-columns.js'
import { diagnose } from '../../lib/operations/doctor/diagnose.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'
import { syncConversations } from '../../lib/sync.js'
import type { SyncOptions } from '../../lib/options.js'
import { openFirstTarget } from '../fixtures/first-release.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'

const hashSecret = 'a secret of the tests, long enough'
const rules = { columns: { hash: ['assignee_name'] }, hashSecret } satisfies Partial<SyncOptions>

async function filled(target: TestDatabase, columns: readonly string[] = addedPersonalColumns) {
  const counts = columns.map((name) => `count(${name})::integer as ${name}`).join(', ')
  const [row] = await target.query<Record<string, number>>(`select ${counts} from conversas_analytics`)
  return Object.entries(row ?? {}).flatMap(([name, count]) => (count > 0 ? [name] : []))
}

/** A source, a target that the first release has filled, migrated since, and runs between them. */
async function openUpgraded(before: Partial<SyncOptions>) {
  const [source, target] = [await cloneDatabase('source'), await openFirstTarget()]
  const sync = (options: Partial<SyncOptions>) =>
    syncConversations({ source: source.url, target: target.url, retryBudget: 0, ...options })
  await sync(before)
  const { notes } = await migrate({ target: target.url })
  return {
    ...{ source, target, sync, notes },
    [Symbol.asyncDispose]: async () => {
      await source[Symbol.asyncDispose]()
      await target[Symbol.asyncDispose]()
    },
  }
}

it('new columns with personal data stay empty where the last run protected something, until they are named', async () => {
  await using at = await openUpgraded(rules)
  for (const name of addedPersonalColumns) expect(at.notes.join(' ')).toContain(name)

  const held = {
    name: 'target-held-columns',
    message: expect.stringContaining('contact_city'),
    outcome: 'warning',
  }
  const examined = async () => (await diagnose({ source: at.source.url, target: at.target.url })).checks
  expect(await examined()).toContainEqual(expect.objectContaining(held))

  const first = await at.sync(rules)
  expect(first).toMatchObject({ loadType: 'full' })
  const warning = first.warnings.find(({ code }) => code === 'COLUMNS_HELD')
  for (const name of addedPersonalColumns) expect(warning?.message).toContain(name)
  expect(await filled(at.target)).toEqual([])
  expect((await filled(at.target, Object.keys(addedColumns))).length).toBeGreaterThan(30)

  const next = await at.sync(rules)
  expect(next).toMatchObject({ loadType: 'incremental' })
  expect(next.warnings.map(({ code }) => code)).not.toContain('COLUMNS_HELD')
  expect(await at.sync({ ...rules, loadType: 'full' })).toMatchObject({ rowsUpdated: 0 })
  expect(await filled(at.target)).toEqual([])

  const named = {
    ...rules,
    columns: {
      ...rules.columns,
      include: ['contact_city', 'agents'],
      mask: ['contact_country'],
      exclude: ['referer'],
    },
  }
  expect(await at.sync(named)).toMatchObject({ loadType: 'full' })
  expect(await examined()).toContainEqual(
    expect.objectContaining({ name: held.name, message: expect.not.stringContaining('contact_city') }),
  )
  expect(await filled(at.target)).toEqual(['contact_city', 'contact_country', 'agents'])
  const [row] = await at.target.query(
    'select contact_city, contact_country from conversas_analytics where contact_city is not null limit 1',
  )
  expect(row).toEqual({ contact_city: 'São Paulo', contact_country: 'Xxxxxx' })
  await expect(at.sync({ ...named, columns: rules.columns })).rejects.toMatchObject({
    code: 'PROTECTION_WEAKENED',
  })
})

it.each([
  ['nothing was protected', {}, {}],
  ['nothing is protected any more, and that was said', { messageTexts: false }, { reveal: true }],
])('new columns are loaded where %s', async (_, before, after) => {
  await using at = await openUpgraded(before)
  const report = await at.sync(after)
  expect(report.warnings.map(({ code }) => code)).not.toContain('COLUMNS_HELD')
  expect(await filled(at.target)).toEqual(addedPersonalColumns)
})

it('messages without texts hold new columns back too, and a new table holds back none', async () => {
  await using at = await openUpgraded({ messageTexts: false })
  await at.sync({ messageTexts: false })
  expect(await filled(at.target)).toEqual([])
  await using fresh = await cloneDatabase('target')
  await at.sync({ ...rules, target: fresh.url })
  expect(await filled(fresh)).toEqual(addedPersonalColumns)
  await at.sync({ ...rules, target: fresh.url })
  expect(await filled(fresh)).toEqual(addedPersonalColumns)
})

it('a read of the new columns that is interrupted holds the same ones back when it is resumed', async () => {
  await using at = await openUpgraded(rules)
  const stop = new AbortController()
  const stopped = at.sync({ ...rules, batchSize: 40, signal: stop.signal, onProgress: () => stop.abort() })
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
  expect(await at.sync(rules)).toMatchObject({ reason: expect.stringMatching(/^resumes/) })
  expect(await filled(at.target)).toEqual([])
  expect(await at.sync(rules)).toMatchObject({ loadType: 'incremental' })
})

it('every new column can be excluded, and none but texts hashed or masked', async () => {
  await using source = await cloneDatabase('source')
  await using target = await cloneDatabase('target')
  const sync = (options: Partial<SyncOptions>) =>
    syncConversations({ source: source.url, target: target.url, retryBudget: 0, ...options })
  const all = Object.keys(addedColumns)
  await sync({ columns: { exclude: all } })
  expect(await filled(target, all)).toEqual([])
  const texts = ['referer', 'browser_name', 'contact_city', 'contact_company', 'csat_assigned_agent_name']
  await sync({ columns: { hash: texts }, hashSecret, reveal: true })
  const cells = texts.map((name) => `bool_and(${name} ~ '^[0-9a-f]{64}$') as ${name}`).join(', ')
  expect(await target.query(`select ${cells} from conversas_analytics`)).toEqual([
    Object.fromEntries(texts.map((name) => [name, true])),
  ])
  for (const name of ['custom_attributes', 'reporting_events', 'agents', 'contact_type']) {
    for (const how of ['hash', 'mask'] as const) {
      const run = sync({ columns: { [how]: [name] }, hashSecret, reveal: true })
      await expect(run, name).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        remedy: expect.stringMatching(/^Exclude it/),
      })
    }
  }
})

it('rules may name new columns before the migration that adds them', async () => {
  await using source = await cloneDatabase('source')
  await using target = await openFirstTarget()
  const options = { source: source.url, target: target.url, columns: { exclude: ['custom_attributes'] } }
  expect(await syncConversations(options)).toMatchObject({ status: 'success' })
  await migrate({ target: target.url })
  await syncConversations(options)
  expect(await filled(target, ['custom_attributes', 'additional_attributes'])).toEqual([
    'additional_attributes',
  ])
})

it('new columns are held back as well after a state that did not say what was protected', async () => {
  await using at = await openUpgraded(rules)
  await at.target.query(`update etl_control set state = state - 'protection'`)
  expect(await at.sync(rules)).toMatchObject({ loadType: 'full' })
  expect(await filled(at.target)).toEqual([])
})
