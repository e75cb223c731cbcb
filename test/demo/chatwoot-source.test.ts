import pg from 'pg'
import { expect, it } from 'vitest'

import { createChatwootSource, grantReader, liveADay } from '../../bin/demo/chatwoot-source.js'
import type { ChatwootSourceOptions } from '../../bin/demo/chatwoot-source.js'
import { chatwootTemplate } from '../fixtures/chatwoot-template.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'
import { share } from '../setup/share.js'
import { chatwootSize, largeSize } from '../setup/templates.js'

const now = '2026-03-04T05:06:07.891011Z'

/** Where sources are made anew and compared with one another. */
const conversations = share(chatwootSize, largeSize)

const enumerations = {
  'conversations.status': '0,1,2,3,9',
  'conversations.priority': '0,1,2,3,7,null',
  'messages.message_type': '0,1,2,3,8',
  'messages.content_type': '0,1,2,3,4,5,6,7,8,9,10,11,12,42',
  'inboxes.timezone': 'America/Manaus,America/New_York,America/Sao_Paulo,Asia/Kolkata,Brasilia,UTC,null',
}

const twoMessages =
  'messages as a join messages as b on a.conversation_id = b.conversation_id and a.id < b.id where'
const labels = `select string_agg(name, ', ' order by g.id) from taggings as g join tags on tags.id = tag_id
  where taggable_type = 'Conversation' and taggable_id = c.id`

/** Each finds something, put behind `select from`. */
const oddities = [
  `messages where content = ''`,
  `messages where content is null`,
  `messages where octet_length(content) > 200000`,
  `messages where content like '%👩‍👩‍👧‍👦%'`,
  String.raw`messages where content ~ '\t' and content ~ '\r' and content ~ '\n' and content like '%\\%'`,
  `messages where strpos(content, '"') > 0 and strpos(content, '''') > 0`,
  `messages where message_type = 1 and sender_type is null`,
  `messages where sender_type = 'AgentBot' and content_attributes is null`,
  String.raw`messages where strpos(content_attributes::text, '{"note": "a\u0000') = 1`,
  String.raw`messages where json_typeof(content_attributes) = 'string' and strpos(content_attributes::text, '\\u0000') > 0`,
  `messages where conversation_id not in (select id from conversations)`,
  `messages where extract(microseconds from created_at)::integer % 1000 > 0`,
  `${twoMessages} a.created_at = b.created_at`,
  `${twoMessages} a.created_at > b.created_at`,
  `conversations where id not in (select conversation_id from messages)`,
  `conversations where contact_id not in (select id from contacts)`,
  `conversations where assignee_id not in (select id from users)`,
  `conversations where team_id not in (select id from teams)`,
  `conversations where inbox_id not in (select id from inboxes)`,
  `conversations where status = 3 and snoozed_until is not null and waiting_since is not null`,
  `conversations group by updated_at having count(*) > 1`,
  `conversations as c where cached_label_list like '%, %' and cached_label_list = (${labels})`,
  `conversations as c where cached_label_list is null and (${labels}) is not null`,
  `csat_survey_responses group by conversation_id having count(*) > count(distinct created_at)`,
  `csat_survey_responses group by conversation_id having count(distinct created_at) > 1`,
  `contacts where identifier = ''`,
]

const allowed =
  'accounts account_users teams inboxes contacts conversations messages csat_survey_responses labels tags taggings campaigns'

const forbidden = [
  'select encrypted_password from users',
  'select pubsub_token from contact_inboxes',
  'update conversations set status = 1',
  `insert into tags (name) values ('x')`,
  'create table mine (id integer)',
  'create temporary table mine (id integer)',
]

/** With a time of its own it is made anew; else it is a copy of the first with so many conversations and this seed. */
async function openSource(options: Partial<ChatwootSourceOptions> = {}): Promise<TestDatabase> {
  const { conversations = largeSize, seed, now } = options
  if (now === undefined) return cloneDatabase('source', await chatwootTemplate(conversations, seed))
  const database = await cloneDatabase('source', 'template0')
  await createChatwootSource(database.url, { ...options, conversations })
  return database
}

it('has the types and the nullability of Chatwoot', async () => {
  await using source = await openSource({ conversations: 0 })
  const columns = await source.query<{ line: string }>(`
    select concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, atttypmod), case when attnotnull then '!' end) as line
    from pg_attribute join pg_class on pg_class.oid = attrelid
    where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0`)
  const found = columns.map(({ line }) => line.replace(' without time zone', ''))
  const expected = `accounts feature_flags bigint !, users encrypted_password character varying !, account_users account_id bigint,
    teams updated_at timestamp(6) !, inboxes timezone character varying, contacts last_activity_at timestamp, contact_inboxes source_id text !,
    conversations id integer !, conversations contact_id bigint, conversations uuid uuid !, conversations updated_at timestamp !,
    conversations waiting_since timestamp(6), messages content_attributes json, messages sender_id bigint, tags name character varying,
    csat_survey_responses created_at timestamp(6) !, taggings context character varying(128), labels id bigint !, campaigns display_id integer !,
    reporting_events event_end_time timestamp, attachments message_id integer !, agent_bots name character varying, companies name character varying !,
    conversation_participants user_id bigint !, applied_slas created_at timestamp(6) !, captain_inboxes inbox_id bigint !`
  expect(found).toEqual(expect.arrayContaining(expected.split(/,\s+/)))
  expect(new Set(found.map((line) => line.split(' ')[0])).size).toBe(25)
})

it('has the indexes of Chatwoot and no better ones, and no foreign keys', async () => {
  await using source = await openSource({ conversations: 0 })
  const rows = await source.query(`select indexdef from pg_indexes order by indexname`)
  const indexes = rows.map(({ indexdef }) => String(indexdef))
  expect(indexes.join()).toMatch(/UNIQUE INDEX \w+_account_id_and_display_id ON .*_messages_on_created_at ON/)
  const unwanted = /updated_at|trgm|conversations USING.*\b(created|activity)_at/
  expect(indexes.filter((each) => unwanted.test(each))).toEqual([])
  expect(await source.query(`select from pg_constraint where contype = 'f'`)).toEqual([])
})

it('numbers the conversations of each account by a sequence of its own', async () => {
  await using source = await openSource()
  const numbers = await source.query(`
    select account_id, min(display_id) as first, max(display_id) = count(*) as whole
    from conversations group by account_id order by account_id`)
  expect(numbers).toEqual([1, 2, 3].map((account_id) => ({ account_id, first: 1, whole: true })))

  await source.query(`insert into accounts (name, created_at, updated_at) values ('Nova', now(), now())`)
  const inserted = await source.query(`
    insert into conversations (account_id, inbox_id, display_id, created_at, updated_at)
    select 4, 1, 500, now(), now() from generate_series(1, 2)
    returning display_id, id > (select max(id) from conversations) as new`)
  expect(inserted).toEqual([1, 2].map((display_id) => ({ display_id, new: true })))
})

it('is the same for the same seed and time, another for another seed', async () => {
  await using one = await openSource({ conversations, seed: 7, now })
  await using same = await openSource({ conversations, seed: 7, now: '2026-03-04 02:06:07.891011-03:00' })
  await using other = await openSource({ conversations, seed: 8, now })
  const fingerprints = await fingerprintsOf(one)
  expect(fingerprints.size).toBe(25)
  expect(await fingerprintsOf(same)).toEqual(fingerprints)
  expect((await fingerprintsOf(other)).get('messages')).not.toEqual(fingerprints.get('messages'))
  const latest = `select from messages having max(updated_at) between '2026-03-01' and '2026-03-04 05:06:07.891011'`
  expect(await one.query(latest)).toHaveLength(1)
})

it.each(share([1], [1, 2, 3]))(
  'holds what a real database holds against all expectation, seed %i',
  async (seed) => {
    await using source = await openSource({ seed })
    for (const oddity of oddities) {
      expect(await source.query(`select where exists (select from ${oddity})`), oddity).toHaveLength(1)
    }
    for (const [column, values] of Object.entries(enumerations)) {
      const [table, name] = column.split('.')
      const found = await source.query(`select distinct ${name} as value from ${table} order by 1`)
      expect(found.map(({ value }) => String(value)).join(), column).toBe(values)
    }
    await expect(source.query('select content_attributes::jsonb from messages')).rejects.toThrow('Unicode')
  },
)

it('may hold no conversation at all', async () => {
  await using source = await openSource({ conversations: 0 })
  expect(await source.query('select from conversations union all select from messages')).toEqual([])
  const day = await liveADay(source.url, { silent: true })
  expect(day).toMatchObject({ updated: [], deleted: [], silent: [] })
  expect(day.inserted.length).toBeGreaterThan(0)
})

it('refuses options out of range and a database in use', async () => {
  await using source = await openSource({ conversations: 1 })
  const given = [{ conversations: -1 }, { messagesPerConversation: 1.5 }, { seed: 0.5 }, { now: 'soon' }, {}]
  for (const options of given) {
    const creating = createChatwootSource(source.url, { conversations: 1, ...options })
    await expect(creating).rejects.toMatchObject({ name: 'SyncError', code: 'CONFIG_INVALID' })
  }
  await expect(liveADay(source.url, { intensity: -1 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect(await source.query('select from conversations')).toHaveLength(1)
})

it('lets a reader read what a sync needs, but no secret, and write nothing', async () => {
  await using source = await openSource({ conversations: 40 })
  const reader = { user: 'reader of "sources"', password: `it's \\ 100% $$ "x"` }
  await Promise.all([grantReader(source.url, reader), grantReader(source.url, reader)])
  const url = Object.assign(new URL(source.url), {
    username: encodeURIComponent(reader.user),
    password: encodeURIComponent(reader.password),
  })
  const client = new pg.Client(url.href)
  await client.connect()
  for (const table of allowed.split(' ')) await client.query(`select * from ${table}`)
  await client.query('select id, name, display_name, email, availability, created_at, updated_at from users')
  for (const statement of forbidden) {
    await expect(client.query(statement), statement).rejects.toMatchObject({ code: '42501' })
  }
  await client.end()
})

it('makes no reader of an administrator, and keeps the password out of a failure', async () => {
  await using empty = await cloneDatabase('source', 'template0')
  const promoting = grantReader(empty.url, { user: 'postgres', password: 'hunter-22' })
  await expect(promoting).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  const granting = grantReader(empty.url, { user: 'early_reader', password: 'hunter-22' })
  await expect(granting).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: undefined })
  await expect(granting).rejects.not.toThrow('hunter')
})

const days = [
  { seed: 3, silent: true, intensity: 4 },
  { seed: 1, silent: false },
  { seed: 2, silent: true },
]

it.each(share(days.slice(0, 1), days))('tells whose row a day has changed, %o', async (options) => {
  await using source = await openSource({ seed: options.seed })
  const before = await picturesOf(source)
  const day = await liveADay(source.url, options)
  const after = await picturesOf(source)

  const moved = (what: 'row' | 'own' | 'latest') => (id: number) =>
    before.get(id)?.[what] !== after.get(id)?.[what]
  const lasting = [...before.keys()].filter((id) => after.has(id))
  expect([...day.updated, ...day.silent].sort((a, b) => a - b)).toEqual(lasting.filter(moved('row')))
  expect(day.updated.filter(moved('latest'))).toEqual(day.updated)
  expect(day.updated.filter(moved('own')).length).toBeLessThan(day.updated.length - 5)
  expect(day.silent.filter(moved('own'))).toEqual([])
  expect(day.silent.length > 0).toBe(options.silent)
  expect(day.inserted).toEqual([...after.keys()].filter((id) => !before.has(id)))
  expect(day.deleted).toEqual([...before.keys()].filter((id) => !after.has(id)))
  const orphans = await source.query('select from messages where conversation_id = any($1)', [day.deleted])
  expect(orphans).not.toEqual([])
})

it('lives the same day for the same seed, by default another one each time', async () => {
  await using one = await openSource({ conversations, now })
  await using same = await openSource({ conversations, now })
  const day = await liveADay(one.url, { seed: 5 })
  expect(await liveADay(same.url, { seed: 5 })).toEqual(day)
  expect((await liveADay(one.url)).updated).not.toEqual((await liveADay(one.url)).updated)
})

it('writes in a day what reports are made of, about conversations that have changed', async () => {
  await using source = await openSource()
  const [{ last } = { last: 0 }] = await source.query<{ last: number }>(
    'select max(id)::integer as last from reporting_events',
  )
  const day = await liveADay(source.url, { seed: 1 })
  const events = await source.query<{ name: string; conversation_id: number; is_whole: boolean }>(
    `select
       name,
       conversation_id,
       created_at >= event_end_time
         and event_end_time >= event_start_time
         and value = floor(extract(epoch from event_end_time)) - floor(extract(epoch from event_start_time)) as is_whole
     from reporting_events
     where id > $1`,
    [last],
  )
  const named = (name: string) => events.filter((event) => event.name === name)
  expect(named('first_response')).toHaveLength(6)
  expect(named('conversation_resolved')).toHaveLength(4)
  expect(named('conversation_opened')).toHaveLength(2)
  expect(named('reply_time').length).toBeGreaterThan(0)
  expect(events.every((event) => event.is_whole)).toBe(true)
  const changed = [...day.inserted, ...day.updated, ...day.deleted]
  expect(events.filter((event) => !changed.includes(event.conversation_id))).toEqual([])
})

it('meets a tenth of 482 conversations in a day, more with more intensity, none without', async () => {
  await using source = await openSource()
  const quiet = await liveADay(source.url, { intensity: 0, silent: true })
  expect(quiet).toEqual({ inserted: [], updated: [], deleted: [], silent: [], events: {} })
  const ordinary = await liveADay(source.url)
  expect(ordinary.events).toMatchObject({ opened: 6, resolved: 4, deleted: 2, 'agent signed in': 3 })
  expect(Math.abs(ordinary.updated.length - 48)).toBeLessThan(16)
  expect((await liveADay(source.url, { intensity: 3 })).updated.length).toBeGreaterThan(96)
})

/** A digest of each table. */
async function fingerprintsOf({ query }: TestDatabase): Promise<Map<string, unknown>> {
  const tables = await query(`select tablename as name from pg_tables where schemaname = 'public'`)
  const digest = (name: string) => query(`select md5(string_agg(t::text, '' order by id)) from ${name} as t`)
  return new Map(
    await Promise.all(tables.map(async ({ name }): Promise<[string, unknown]> => [name, await digest(name)])),
  )
}

/** For each conversation all that its analytic row is made of, its own updated_at, and the latest one of all that it is joined with. */
async function picturesOf({ query }: TestDatabase) {
  const rows = await query<{ id: number; row: string; own: string; latest: string }>(`
    select c.id, c.updated_at as own, greatest(c.updated_at, u.updated_at, t.updated_at, i.updated_at, k.updated_at,
        (select max(updated_at) from messages where conversation_id = c.id),
        (select max(updated_at) from csat_survey_responses where conversation_id = c.id)) as latest,
      row(c.*, a.name, u.name, u.email, t.name, i.name, i.timezone, k.name, k.email, k.phone_number, k.identifier, (${labels}),
        array(select row(m.id, content, sender_type, sender_id, m.created_at, message_type, private, s.phone_number)
          from messages as m left join contacts as s on sender_type = 'Contact' and s.id = sender_id
          where conversation_id = c.id order by m.id),
        array(select row(rating, feedback_message, created_at) from csat_survey_responses
          where conversation_id = c.id order by created_at desc, id desc limit 1))::text as row
    from conversations as c left join accounts as a on a.id = c.account_id left join users as u on u.id = c.assignee_id
    left join teams as t on t.id = c.team_id left join inboxes as i on i.id = c.inbox_id left join contacts as k on k.id = c.contact_id
    order by c.id`)
  return new Map(rows.map(({ id, ...picture }) => [id, picture]))
}
