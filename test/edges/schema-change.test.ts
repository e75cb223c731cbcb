import pg from 'pg'
import { expect, it, vi } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import { differences, fullContent, openSync, type SyncFixture } from '../fixtures/sync-fixture.js'
import type { TestDatabase } from '../setup/database.js'

/** Somebody who has locked a table and lets go of it later, having changed something on the way. */
async function lock(database: TestDatabase, table: string, mode: 'access exclusive' | 'share') {
  const client = new pg.Client(database.url)
  await client.connect()
  await client.query(`begin; lock table ${table} in ${mode} mode`)
  return {
    query: (text: string) => client.query(text),
    release: async () => {
      await client.query('commit')
      await client.end()
    },
  }
}

/** Until somebody else waits for a lock of this database. */
async function untilBlocked({ query }: TestDatabase): Promise<void> {
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await vi.waitFor(async () => expect(await query(waiting)).toHaveLength(1), { timeout: 120_000 })
}

/** A run that stands still between its snapshot and its first look at the contacts, while something happens to the source. */
async function meanwhile(
  at: SyncFixture,
  statement: string,
  run: () => Promise<unknown> = () => at.sync(),
): Promise<{ report?: unknown; error?: unknown }> {
  const blocker = await lock(at.source, 'contacts', 'access exclusive')
  const running = run().then(
    (report) => ({ report }),
    (error: unknown) => ({ error }),
  )
  await untilBlocked(at.source)
  await at.source.query(statement)
  await blocker.release()
  return running
}

const rewrite = 'alter table messages alter column id type bigint'

it.each(['full', 'incremental'] as const)(
  'refuses, in a %s run, a table that was written anew since the snapshot and looks empty in it',
  async (loadType) => {
    await using at = await openSync()
    await at.sync()
    await at.source.query(`update conversations set updated_at = now() at time zone 'UTC' where id < 30`)
    const before = await at.target.query('select xmin::text, c::text from conversas_analytics c order by 2')

    const { error } = await meanwhile(at, rewrite, () => at.sync({ loadType }))

    expect(error).toMatchObject({ code: 'SCHEMA_CHANGED', message: expect.stringContaining('messages') })
    expect(await at.target.query('select xmin::text, c::text from conversas_analytics c order by 2')).toEqual(
      before,
    )
    // The type of a column is another one, so that all is read.
    expect(await at.sync()).toMatchObject({ loadType: 'full', status: 'success' })
    expect(await differences(at)).toEqual([])
  },
)

it('refuses a repair by such a table', async () => {
  await using at = await openSync()
  await at.sync()
  await at.target.query('delete from conversas_analytics where conversation_id < 5')
  const before = await fullContent(at.target)
  const repair = () => verifyConversations({ source: at.source.url, target: at.target.url, repair: true })

  const { error } = await meanwhile(at, rewrite, repair)

  expect(error).toMatchObject({ code: 'SCHEMA_CHANGED' })
  expect(await fullContent(at.target)).toEqual(before)
  expect(await repair()).toMatchObject({ rowsMissing: 4, rowsStale: 0, rowsRepaired: 4 })
})

it.each([
  ['alter table conversations rename column status to state', 'conversations.status no longer exists'],
  ['alter table messages drop column sender_type', 'messages.sender_type no longer exists'],
  [
    'alter table messages alter column private type text using private::text',
    'messages.private was boolean and is text',
  ],
  ['alter table csat_survey_responses rename to answers', 'csat_survey_responses.rating no longer exists'],
])(
  'says what changed when an upgrade comes between the look and the reading: %s',
  async (statement, told) => {
    await using at = await openSync()
    const { error } = await meanwhile(at, statement)
    expect(error).toMatchObject({ code: 'SCHEMA_CHANGED' })
    expect(String(error)).toMatch(statement.includes('private') ? /messages/ : told)
    expect(await at.target.query('select error_code, rows_extracted from etl_control')).toEqual([
      { error_code: 'SCHEMA_CHANGED', rows_extracted: 0 },
    ])
    await expect(at.sync()).rejects.toMatchObject({
      code: expect.stringMatching(/^(COLUMN_TYPE_MISMATCH|COLUMN_MISSING|RELATION_MISSING)$/),
    })
  },
)

it('lets a column go that only some releases have, and reads everything next time', async () => {
  await using at = await openSync()
  await at.sync()
  const outcome = await meanwhile(at, 'alter table conversations drop column priority cascade', () =>
    at.sync({ loadType: 'full' }),
  )
  expect(outcome).toMatchObject({ report: { status: 'success' } })
  expect(await at.sync()).toMatchObject({ loadType: 'full', reason: expect.stringContaining('its columns') })
  expect(await differences(at)).toEqual([])
})

it('keeps an upgrade waiting while it reads, and holds no lock but those of a SELECT', async () => {
  await using at = await openSync()
  const blocker = await lock(at.target, 'conversas_analytics', 'share')
  const running = at.sync()
  await untilBlocked(at.target)

  const upgrade = at.source.query('alter table messages add column sentiment_score integer')
  await untilBlocked(at.source)
  const modes = await at.source.query<{ mode: string }>(`
    select distinct mode
    from pg_locks l
    join pg_stat_activity a using (pid)
    where a.application_name = 'chatwoot-sync'
      and a.datname = current_database()
      and (l.locktype <> 'virtualxid')`)
  expect(modes).toEqual([{ mode: 'AccessShareLock' }])
  await blocker.release()
  await running
  await upgrade

  expect(await differences(at)).toEqual([])
  // Nothing that is read has changed.
  expect(await at.sync()).toMatchObject({ loadType: 'incremental' })
})

it.each([
  ['drop column contact_name cascade', 'conversas_analytics.contact_name no longer exists'],
  [
    'alter column first_response_time_seconds type double precision',
    'conversas_analytics.first_response_time_seconds was bigint and is double precision',
  ],
  [
    'alter column last_activity_at type date',
    'conversas_analytics.last_activity_at was timestamp(6) without time zone and is date',
  ],
])('takes no batch into a target that changed in the middle: %s', async (change, told) => {
  await using at = await openSync()
  await at.target.query('drop view vw_conversas_analytics, vw_conversas_analytics_v3')
  const blocker = await lock(at.target, 'conversas_analytics', 'share')
  const running = at.sync().catch((error: unknown) => error)
  await untilBlocked(at.target)
  await blocker.query(`alter table conversas_analytics ${change}`)
  await blocker.release()

  expect(await running).toMatchObject({ code: 'SCHEMA_CHANGED', message: expect.stringContaining(told) })
  expect(await at.target.query('select count(*)::integer as rows from conversas_analytics')).toEqual([
    { rows: 0 },
  ])
})

it('refuses tables that are not Chatwoot’s as it knows them, before anything is written', async () => {
  await using at = await openSync()
  await at.source.query('alter table inboxes rename column channel_type to kind')
  await expect(at.sync()).rejects.toMatchObject({
    code: 'COLUMN_MISSING',
    message: expect.stringContaining('inboxes.channel_type'),
  })
  await at.source.query('alter table inboxes rename column kind to channel_type')
  await at.source.query('alter table messages alter column created_at type timestamptz')
  await expect(at.sync()).rejects.toMatchObject({
    code: 'COLUMN_TYPE_MISMATCH',
    message: expect.stringContaining('messages.created_at is timestamp with time zone'),
  })
})

it('knows the types of Chatwoot by what they are, not by their names', async () => {
  await using at = await openSync()
  const alter = (type: string) => at.source.query(`alter table contacts alter column identifier type ${type}`)
  await at.source.query(`
    create schema elsewhere;
    create extension citext schema elsewhere;
    create domain elsewhere.short as text;
    create domain elsewhere.shorter as elsewhere.short`)
  await alter('elsewhere.citext')
  await at.sync()
  expect(await differences(at)).toEqual([])
  await alter('elsewhere.shorter')
  await at.sync()
  expect(await differences(at)).toEqual([])

  await at.source.query('drop extension citext cascade; create domain citext as integer')
  await alter('citext using null')
  await expect(at.sync()).rejects.toMatchObject({
    code: 'COLUMN_TYPE_MISMATCH',
    message: expect.stringContaining('contacts.identifier is citext'),
  })
})

it('tells columns of conversations that it does not know, and reads everything once one comes that it does', async () => {
  await using at = await openSync()
  await at.source.query('alter table contacts rename column identifier to kept')
  await at.source.query('alter table conversations add column mood text')
  expect((await at.sync()).warnings[0]).toMatchObject({
    code: 'COLUMNS_IGNORED',
    message: expect.stringContaining('mood'),
  })
  expect(await at.sync()).toMatchObject({ loadType: 'incremental' })
  await at.source.query('alter table contacts rename column kept to identifier')
  expect(await at.sync()).toMatchObject({ loadType: 'full', reason: expect.stringContaining('its columns') })
  expect(await differences(at)).toEqual([])
})
