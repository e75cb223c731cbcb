import { expect, it } from 'vitest'

import { checkHealth, verifyConversations } from '../../lib/index.js'
import { forgetContact } from '../../lib/operations/forget-contact.js'
import {
  behindOptions as options,
  oldTable,
  openBehind as open,
  staleRows,
} from '../fixtures/behind-fixture.js'
import { openFirstTarget } from '../fixtures/first-release.js'
import { differences, insertConversation, openSmallSync, type SyncFixture } from '../fixtures/sync-fixture.js'

const both = ({ source, target }: SyncFixture) => ({ source: source.url, target: target.url, ...options })

it('tells once of rows that somebody else deletes, and reads nothing anew', async () => {
  await using at = await open(oldTable)
  await at.sync(options)
  await at.target.query('delete from tt where id < 4')
  await at.target.query('select pg_stat_force_next_flush()')

  const report = await at.sync(options)
  expect(report).toMatchObject({ loadType: 'incremental', rowsInserted: 0 })
  expect(report.warnings).toMatchObject([
    { code: 'TARGET_ROWS_DELETED', message: expect.stringMatching(/rows of tt, up to 3 of them;/) },
  ])
  await at.target.query('delete from tt where id < 6')
  expect((await at.sync(options)).warnings).toEqual([])
  expect(await at.sync({ ...options, loadType: 'full' })).toMatchObject({ rowsInserted: 5, warnings: [] })
  await at.target.query('delete from tt where id < 6')
  expect((await at.sync({ ...options, acceptTargetDeletes: true })).warnings).toEqual([])
})

it.each([
  ['VACUUM FULL of the target', 'vacuum full tt'],
  ['a reset of its statistics', 'select pg_stat_reset()'],
  ['a column that an analyst added', 'alter table tt add column note text default random()::text'],
  ['rows that somebody else updated', `update tt set v = 'changed'`],
])('reads nothing anew after %s', async (_what, edit) => {
  await using at = await open(oldTable)
  await at.target.query(edit)
  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', reason: null, warnings: [] })
})

it('goes on from a state of before, and keeps from then on what it needs', async () => {
  await using at = await open(oldTable)
  await at.target.query(`update etl_control set state = state - 'identities'`)
  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', reason: null, warnings: [] })
  await at.source.query(`begin; truncate st; ${staleRows('st')} commit`)
  expect(await at.sync(options)).toMatchObject({ loadType: 'full', rowsUpdated: 10, rowsInserted: 2 })
})

it('does not take an empty source and target for an accident', async () => {
  await using at = await open(`create table st (id int primary key, v text, updated_at timestamptz)`)
  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', reason: null })
  await at.source.query(`insert into st values (1, 'a', now())`)
  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', rowsInserted: 1 })
  await at.target.query('truncate tt')
  expect(await at.sync(options)).toMatchObject({ loadType: 'full', reason: 'the table tt was emptied' })
})

it('does not take rows of a forgotten contact for rows that somebody else deleted', async () => {
  await using at = await open(
    `create table st (id int primary key, v text, contact_id bigint, updated_at timestamptz);
     insert into st select g, 'a', g % 5, now() - interval '1 day' from generate_series(1, 10) g;`,
    'alter table tt add contact_id bigint',
  )
  await at.sync(options)
  const forgotten = { target: at.target.url, table: 'tt', pipeline: 'p', contactId: 3 }
  expect(await forgetContact(forgotten)).toMatchObject({ rowsOwn: 2 })
  await at.target.query('select pg_stat_force_next_flush()')

  expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', reason: null, warnings: [] })
})

it.each([
  [
    'a target that was emptied',
    'target',
    'truncate conversas_analytics',
    'the table conversas_analytics was emptied',
  ],
  [
    'messages that were written anew',
    'source',
    'vacuum full messages',
    'messages was truncated or rewritten',
  ],
  ...[
    'reporting_events',
    'applied_slas',
    'sla_events',
    'conversation_participants',
    'companies',
    'attachments',
  ].map(
    (table) =>
      [
        `${table} that were restored`,
        'source',
        `truncate ${table}`,
        `${table} was truncated or rewritten`,
      ] as const,
  ),
  [
    'a table of events that was put in place of another',
    'source',
    `create table copy (like reporting_events including all); alter table reporting_events rename to old_events; alter table copy rename to reporting_events`,
    'reporting_events is another table than the one of that name before',
  ],
] as const)('notices %s of a Chatwoot', async (_what, side, edit, reason) => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  await at.sync()
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', reason: null })
  await at[side].query(edit)
  expect(await at.sync()).toMatchObject({ loadType: 'full', reason })
  expect(await differences(at)).toEqual([])
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', reason: null })
})

it('does not care for what happens to a table of Chatwoot that it does not read', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  const role = `limited_${at.source.name}`
  await at.source.query(`
    create role ${role} login password 'limited';
    grant usage on schema public to ${role};
    grant select on all tables in schema public to ${role};
    revoke select on reporting_events from ${role}`)
  const url = Object.assign(new URL(at.source.url), { username: role, password: 'limited' })
  try {
    await at.sync({ source: url.href })
    await at.source.query('truncate reporting_events')
    expect(await at.sync({ source: url.href })).toMatchObject({ loadType: 'incremental', reason: null })
    // As no column is there that it fills.
    await using first = await openFirstTarget()
    const options = { target: first.url }
    await at.sync(options)
    await at.source.query('truncate reporting_events')
    expect(await at.sync(options)).toMatchObject({ loadType: 'incremental', reason: null })
  } finally {
    await at.source.query(`drop owned by ${role}; drop role ${role}`)
  }
})

it('a state that does not know all tables of Chatwoot that are read stays valid', async () => {
  await using at = await openSmallSync()
  await insertConversation(at.source)
  await at.sync()
  await at.target.query(`update etl_control set state = state #- '{identities,relations,reporting_events}'`)
  await at.source.query(`update conversations set updated_at = now() at time zone 'UTC'`)
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', reason: null })
  await at.source.query('truncate reporting_events')
  expect(await at.sync()).toMatchObject({ loadType: 'full' })
})

it.each([
  ['a full run', (at: SyncFixture) => at.sync({ ...options, loadType: 'full' })],
  ['verify --repair', (at: SyncFixture) => verifyConversations({ ...both(at), repair: true })],
  ['a run that accepts it', (at: SyncFixture) => at.sync({ ...options, acceptTargetDeletes: true })],
])('health tells of them until %s', async (_what, end) => {
  await using at = await open(oldTable)
  const health = async () => {
    const { checks } = await checkHealth({ target: at.target.url, pipeline: 'p' })
    const found = checks.find(({ name }) => name === 'deleted-rows')
    return `${found?.outcome} ${found?.remedy}`
  }
  await at.sync(options)
  expect(await health()).toBe('ok null')
  await at.target.query('delete from tt where id < 4')
  await at.target.query('select pg_stat_force_next_flush()')
  await at.sync(options)
  await at.sync(options)
  await verifyConversations(both(at))
  expect(await health()).toMatch(/^warning .*--accept-target-deletes/)

  await end(at)

  expect(await health()).toBe('ok null')
  await at.sync(options)
  expect(await health()).toBe('ok null')
})
