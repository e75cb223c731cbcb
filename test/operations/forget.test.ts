import { expect, it } from 'vitest'

import { forgetContact, verifyConversations } from '../../lib/index.js'
import { openSession } from '../../lib/postgres/driver/connect.js'
import { takeRunLock } from '../../lib/postgres/control/run-start.js'
import { openShell, settings } from '../fixtures/cli-fixture.js'
import {
  insert,
  insertConversation,
  insertMessage,
  openSmallSync,
  openSync,
} from '../fixtures/sync-fixture.js'

const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }

/** Conversations 1 and 2 of contact 1, 3 of contact 2, and 4 of contact 2 in which contact 1 wrote second. */
async function openContacts() {
  const at = await openSmallSync()
  await insert(at.source, 'contacts', { id: 2, name: 'Bia', account_id: 1, ...stamps })
  for (const contact_id of [1, 1, 2, 2]) await insertConversation(at.source, { contact_id })
  await insertMessage(at.source, 1)
  await insertMessage(at.source, 4, { sender_id: 2 })
  await insertMessage(at.source, 4, { sender_id: 1, created_at: '2026-01-05 16:00' })
  await at.sync()
  const base = { source: at.source.url, target: at.target.url }
  const ids = async () => {
    const rows = await at.target.query<{ id: number }>(
      'select conversation_id as id from conversas_analytics order by conversation_id',
    )
    return rows.map(({ id }) => id)
  }
  return Object.assign(at, { base, ids })
}

it('deletes every row with data of the contact for good, and no later run brings one back', async () => {
  await using at = await openContacts()
  await at.source.query('delete from conversations where id = 2')
  await at.sync({ loadType: 'full', maxDeleteShare: 1 })
  const { target } = at.base
  expect(await forgetContact({ target, contactId: 1, dryRun: true })).toEqual({
    ...{ pipeline: 'conversations', table: 'conversas_analytics', contactId: 1, undo: false, dryRun: true },
    ...{ forgottenAt: null, rowsOwn: 2, rowsOfOthers: 1, rowsRejected: 0 },
    ...{ rowsInCopies: 0, lakes: [] },
  })
  expect(await at.ids()).toEqual([1, 2, 3, 4])

  const report = await forgetContact({ target, contactId: 1, comment: 'request 17' })
  expect(report).toMatchObject({
    dryRun: false,
    rowsOwn: 2,
    rowsOfOthers: 1,
    forgottenAt: expect.any(String),
  })
  expect(await at.ids()).toEqual([3])
  expect(await at.target.query('select pipeline, contact_id, comment from etl_forgotten')).toEqual([
    { pipeline: 'conversations', contact_id: '1', comment: 'request 17' },
  ])

  await at.source.query(`update conversations set status = 1, updated_at = now() at time zone 'UTC'`)
  await insertMessage(at.source, 3, { sender_id: 2, created_at: 'now', updated_at: 'now' })
  expect(await at.sync()).toMatchObject({ loadType: 'incremental', rowsExtracted: 1, rowsUpdated: 1 })
  expect(await at.sync({ loadType: 'full' })).toMatchObject({ rowsExtracted: 1, rowsDeleted: 0 })
  expect(await verifyConversations({ ...at.base, repair: true })).toMatchObject({
    ...{ rowsCompared: 1, rowsMissing: 0, rowsExtra: 0, rowsRepaired: 0 },
  })
  expect(await at.ids()).toEqual([3])
})

it('with undo lets runs read the contact again', async () => {
  await using at = await openContacts()
  const { target } = at.base
  const { forgottenAt } = await forgetContact({ target, contactId: 1, comment: 'first' })
  expect(await forgetContact({ target, contactId: 1 })).toMatchObject({ forgottenAt, rowsOwn: 0 })
  expect(await at.target.query('select comment from etl_forgotten')).toEqual([{ comment: 'first' }])
  await forgetContact({ target, contactId: 1, undo: true, dryRun: true })
  expect(await at.target.query('select from etl_forgotten')).toHaveLength(1)
  expect(await forgetContact({ target, contactId: 1, undo: true })).toMatchObject({ forgottenAt: null })
  expect(await verifyConversations(at.base)).toMatchObject({ rowsMissing: 3 })
  await at.sync({ loadType: 'full' })
  expect(await at.ids()).toEqual([1, 2, 3, 4])
})

/** The target of `openContacts` takes no conversation of this status any more, and all of them have come to it. */
async function rejectAll(at: Awaited<ReturnType<typeof openContacts>>, keepRejected: boolean) {
  await at.target.query(
    `alter table conversas_analytics add constraint no_resolved check (status <> 1) not valid`,
  )
  await insertConversation(at.source, { contact_id: 1 })
  await at.source.query(
    `update conversations set status = 1, updated_at = clock_timestamp() at time zone 'UTC'`,
  )
  expect(await at.sync({ keepRejected })).toMatchObject({ rowsRejected: 5 })
}

const rejectedKeys = async ({ target }: Awaited<ReturnType<typeof openContacts>>) =>
  (await target.query<{ row_key: string }>('select row_key from etl_rejects order by row_key')).map(
    ({ row_key }) => row_key,
  )

it.each([true, false])(
  'leaves nothing of the contact among rejected rows, kept or not: %s',
  async (isKept) => {
    await using at = await openContacts()
    await rejectAll(at, isKept)
    const { target } = at.base
    // Conversation 5 never reached the table: without its content, nothing in the target tells whose it is.
    const rowsRejected = isKept ? 4 : 3
    expect(await forgetContact({ target, contactId: 1, dryRun: true })).toMatchObject({ rowsRejected })
    expect(await rejectedKeys(at)).toHaveLength(5)
    expect(await forgetContact({ target, contactId: 1, pipeline: 'another', dryRun: true })).toMatchObject({
      rowsRejected: 0,
    })
    expect(await forgetContact({ target, contactId: 1 })).toMatchObject({ rowsOwn: 2, rowsRejected })
    expect(await rejectedKeys(at)).toEqual(isKept ? ['3'] : ['3', '5'])
    // No run tries one again.
    expect(await at.sync({ keepRejected: isKept })).toMatchObject({ rowsExtracted: 1, rowsRejected: 1 })
    expect(await rejectedKeys(at)).toEqual(['3'])
    expect(await verifyConversations({ ...at.base, repair: true })).toMatchObject({ rowsRepaired: 0 })
    expect(await rejectedKeys(at)).toEqual(['3'])
  },
)

it('empties the kept content of a rejected row in which the contact may have written, and keeps its key', async () => {
  await using at = await openContacts()
  await rejectAll(at, true)
  await at.target.query('delete from conversas_analytics where conversation_id = 4')
  expect(await forgetContact({ target: at.base.target, contactId: 1 })).toMatchObject({ rowsRejected: 4 })
  expect(
    await at.target.query('select row_key, row_data is null as empty from etl_rejects order by 1'),
  ).toEqual([
    { row_key: '3', empty: false },
    { row_key: '4', empty: true },
  ])
  await at.sync({ keepRejected: true })
  expect(await rejectedKeys(at)).toEqual(['3'])
})

it('concerns one pipeline', async () => {
  await using at = await openContacts()
  await forgetContact({ target: at.base.target, contactId: 1, pipeline: 'another' })
  expect(await at.sync({ loadType: 'full' })).toMatchObject({ rowsInserted: 3 })
})

it('fails with LOCKED while a run is in progress', async () => {
  await using at = await openContacts()
  const connection = { applicationName: 'test', connectTimeout: 10_000 }
  await using run = await openSession('target', at.base.target, connection)
  await takeRunLock(run, 'conversations')
  const forgetting = forgetContact({ target: at.base.target, contactId: 1 })
  await expect(forgetting).rejects.toMatchObject({ code: 'LOCKED' })
  expect(await at.ids()).toEqual([1, 2, 3, 4])
})

it('needs contact_id in a custom relation, and in its table', async () => {
  await using at = await openSync('template0')
  await at.source.query(`create table tickets (id integer primary key, contact_id text, changed_at timestamp);
    insert into tickets values (1, '7', now()), (2, '8', now()), (3, null, now())`)
  await at.target.query(
    'create table tickets (id integer primary key, contact_id text, changed_at timestamp)',
  )
  const relation = { name: 'tickets', key: 'id', changedAt: 'changed_at' }
  const options = { relation, table: 'tickets', pipeline: 'tickets' }
  const contact = { target: at.target.url, table: 'tickets', pipeline: 'tickets', contactId: 7 }
  await at.sync(options)
  expect(await forgetContact(contact)).toMatchObject({ rowsOwn: 1, rowsOfOthers: 0 })
  expect(await at.sync({ ...options, loadType: 'full' })).toMatchObject({ rowsExtracted: 2 })

  await at.source.query('alter table tickets rename contact_id to person')
  await expect(at.sync(options)).rejects.toMatchObject({ code: 'COLUMN_MISSING' })
  await at.target.query('alter table tickets drop contact_id')
  await expect(forgetContact(contact)).rejects.toMatchObject({ code: 'TARGET_COLUMN_MISSING' })
  for (const contactId of [0, 1.5, NaN]) {
    await expect(forgetContact({ ...contact, contactId })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  }
})

it('the command shows what would go, and deletes it with --yes only', async () => {
  await using at = await openContacts()
  await using shell = await openShell()
  const variables = settings('LOCAL', at.target)
  const shown = await shell.run(['forget', '--contact', '1'], variables)
  expect(shown).toMatchObject({ code: 0, stderr: '' })
  expect(shown.stdout).toMatch(
    /2 of its own conversations, 1 of other conversations.*\n.*Nothing was changed/,
  )
  expect(await at.ids()).toHaveLength(4)
  const done = await shell.run(['forget', '--contact', '1', '--yes', '--json'], variables)
  expect(JSON.parse(done.stdout)).toMatchObject({ contactId: 1, dryRun: false, rowsOwn: 2 })
  expect(await at.ids()).toEqual([3])
  const undone = await shell.run(['forget', '--contact', '1', '--undo', '--yes'], variables)
  expect(undone.stdout).toContain('--full')
  expect(await shell.run(['forget'], variables)).toMatchObject({ code: 2 })
})
