import { afterAll, beforeAll, expect, it } from 'vitest'

import { rowColumns } from '../../lib/chatwoot/columns.js'
import { differences, openLargeSync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'

/** Kept by the source's tables as they are, beside the query of the package: what the target holds has to be the same text. */
const copies = {
  conversation_id: 'c.id',
  conversation_uuid: 'c.uuid',
  conversation_created_at: 'c.created_at',
  conversation_updated_at: 'c.updated_at',
  last_activity_at: 'c.last_activity_at',
  first_reply_created_at: 'c.first_reply_created_at',
  waiting_since: 'c.waiting_since',
  snoozed_until: 'c.snoozed_until',
  contact_name: '(select name from contacts where id = c.contact_id)',
  assignee_name: '(select name from users where id = c.assignee_id)',
  inbox_name: '(select name from inboxes where id = c.inbox_id)',
  csat_feedback: `(select feedback_message from csat_survey_responses where conversation_id = c.id order by created_at desc, id desc limit 1)`,
  mc_first_message_at: '(select min(created_at) from messages where conversation_id = c.id)',
  mc_last_message_at: '(select max(created_at) from messages where conversation_id = c.id)',
  t_messages: '(select count(*) from messages where conversation_id = c.id)',
  max_message_length: '(select max(length(content)) from messages where conversation_id = c.id)',
}

const chatwootUrl = 'https://chat.example'

let at: SyncFixture

beforeAll(async () => {
  at = await openLargeSync()
  // Whatever the databases' own settings are, the texts that travel do not depend on them.
  const settings = {
    timezone: 'America/Sao_Paulo',
    datestyle: 'SQL, DMY',
    intervalstyle: 'iso_8601',
    extra_float_digits: '-3',
  }
  for (const [name, value] of Object.entries(settings)) {
    await at.source.query(`alter database ${at.source.name} set ${name} = '${value}'`)
  }
  await at.target.query(`alter database ${at.target.name} set timezone = 'Asia/Tokyo'`)
  await at.target.query(`alter database ${at.target.name} set datestyle = 'SQL, MDY'`)
  await at.sync({ chatwootUrl })
})

afterAll(() => at[Symbol.asyncDispose]())

it('stores every cell of every conversation as the source gives it', async () => {
  expect(await differences(at, { chatwootUrl })).toEqual([])
  const stored = await readTexts(at.target, `select ${rowColumns.join(', ')} from conversas_analytics`)
  const cells = stored.flat()
  expect(cells.length).toBe(stored.length * rowColumns.length)
  expect(cells.length).toBeGreaterThan(400 * 100)
})

it('stores the same bytes when the rows travel as texts', async () => {
  const report = await at.sync({ chatwootUrl, pipeline: 'texts', transform: (row) => row })
  expect(report).toMatchObject({ rowsInserted: 0, rowsUpdated: 0 })
  expect(report.rowsUnchanged).toBeGreaterThan(400)
})

it('leaves no column empty in all rows, so that each is really compared', async () => {
  const counts = rowColumns.map((name) => `count(${name})`).join(', ')
  const [row] = await readTexts(at.target, `select ${counts} from conversas_analytics`)
  expect(rowColumns.filter((_, index) => row?.[index] === '0')).toEqual([])
})

it.each(Object.entries(copies))('holds %s as the tables of the source do', async (column, from) => {
  const expected = await readTexts(at.source, `select c.id, ${from} from conversations c order by id`)
  const found = await readTexts(
    at.target,
    `select conversation_id, ${column} from conversas_analytics order by 1`,
  )
  expect(found).toEqual(expected)
})

it('keeps microseconds', async () => {
  const fine =
    'select from conversas_analytics where extract(microseconds from conversation_updated_at)::integer % 1000 > 0'
  expect((await at.target.query(fine)).length).toBeGreaterThan(100)
})

it('keeps every text of every message', async () => {
  const messages = `
    select id, content, to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US'), message_type, private, sender_type, sender_id
    from messages
    where conversation_id in (select id from conversations)
    order by id`
  const stored = `
    select e ->> 'message_id', e ->> 'text', to_char((e ->> 'sent_at')::timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.US'),
      e ->> 'message_type', (e ->> 'private')::boolean, e ->> 'sender', e ->> 'sender_id'
    from conversas_analytics
    cross join jsonb_array_elements(message_compiled) e
    order by (e ->> 'message_id')::integer`
  expect(await readTexts(at.target, stored)).toEqual(await readTexts(at.source, messages))
})
