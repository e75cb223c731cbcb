import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import type { Database } from './database.js'

/** Days of history: 1,235 conversations a day at two million. */
const days = 1620

/** Tables that are filled here, in the order of their statements. */
const filled = [
  'contacts',
  'conversations',
  'messages',
  'reporting_events',
  'csat_survey_responses',
  'taggings',
  'conversation_participants',
  'applied_slas',
  'attachments',
]

/**
 * Fills a source with so many conversations of ten messages, in the order in which an application writes them: the messages of one lie apart.
 * Tables, widths of rows and indexes are those of the demo's Chatwoot; contents are plain, and made by the server.
 */
export async function createLargeSource(source: Database, conversations: number): Promise<void> {
  await createChatwootSource(source.url, { conversations: 0 })
  await source.query(`truncate ${filled.join(', ')}`)
  await source.query('alter table conversations disable trigger user')
  const indexes = await source.query<{ name: string; definition: string }>(
    `select indexname as name, indexdef as definition
     from pg_indexes
     where tablename = any($1::text[])
       and indexname not like '%_pkey'`,
    [filled],
  )
  for (const { name } of indexes) await source.query(`drop index ${name}`)
  // The pool has two connections, so that two of them work at a time.
  await Promise.all(filled.map((table) => source.query(statements(conversations)[table] ?? '')))
  await Promise.all(indexes.map(({ definition }) => source.query(definition)))
  await source.query('alter table conversations enable trigger user')
  await source.query(`select setval('conv_dpid_seq_1', ${conversations})`)
  for (const table of filled) {
    await source.query(
      `select setval(pg_get_serial_sequence('${table}', 'id'), (select max(id) from ${table}))`,
    )
  }
}

function statements(conversations: number): Readonly<Record<string, string>> {
  const messages = conversations * 10
  const at = (share: string) =>
    `(now() at time zone 'UTC' - interval '1 hour' - ${days} * (1 - (${share})) * interval '1 day')`
  const inbox = `(array(select id from inboxes where account_id = 1 order by id))[1 + i % (select count(*) from inboxes where account_id = 1)]`
  const agent = `(array(select user_id from account_users where account_id = 1 order by 1))[1 + i % (select count(*) from account_users where account_id = 1)]`
  const ofConversation = at(`i / ${conversations}::float8`)
  return {
    contacts: `
      insert into contacts (id, name, email, phone_number, account_id, created_at, updated_at, additional_attributes, last_activity_at)
      select i, 'Contact ' || i, 'contact' || i || '@example.com', '+55119' || lpad(i::text, 8, '0'), 1, t, t,
        jsonb_build_object('city', 'Cidade ' || i % 500, 'country', 'Brasil', 'country_code', 'BR'), t
      from generate_series(1, ${Math.ceil(conversations * 0.7)}) i
      cross join lateral (select ${at(`i / ${conversations * 0.7}::float8`)} as t) stamp`,
    conversations: `
      insert into conversations (id, account_id, inbox_id, status, assignee_id, created_at, updated_at, contact_id, display_id,
        additional_attributes, last_activity_at, first_reply_created_at, cached_label_list)
      select i, 1, ${inbox}, i % 4 / 3, ${agent}, t, t + interval '1 day', 1 + (i::bigint * 7919) % ${Math.ceil(conversations * 0.7)}, i,
        jsonb_build_object('browser', jsonb_build_object('browser_name', 'Chrome', 'platform_name', 'Linux'), 'browser_language', 'pt'),
        t + interval '1 day', t + interval '5 minutes', 'vendas'
      from generate_series(1, ${conversations}) i
      cross join lateral (select ${ofConversation} as t) stamp`,
    messages: `
      insert into messages (id, content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, sender_type, sender_id)
      select i, repeat(md5(i::text), 1 + i % 3), 1, 1, c, i % 2, t, t, case i % 2 when 0 then 'Contact' else 'User' end,
        case i % 2 when 0 then 1 + (c::bigint * 7919) % ${Math.ceil(conversations * 0.7)} else 1 + i % 20 end
      from generate_series(1, ${messages}) i
      cross join lateral (
        select
          ${at(`i / ${messages}::float8`)} as t,
          greatest(1, least(${conversations}, (i - 1) / 10 + 1 - i % 10 * 20)) as c
      ) stamp`,
    reporting_events: `
      insert into reporting_events (name, value, account_id, inbox_id, user_id, conversation_id, created_at, updated_at)
      select (array['first_response', 'conversation_resolved', 'reply_time'])[1 + i % 3], i % 5000, 1, 1, 1 + i % 20, 1 + i / 3, t, t
      from generate_series(0, ${conversations * 3 - 1}) i
      cross join lateral (select ${at(`i / ${conversations * 3}::float8`)} as t) stamp`,
    csat_survey_responses: `
      insert into csat_survey_responses (account_id, conversation_id, message_id, rating, contact_id, created_at, updated_at)
      select 1, i, i * 10, 1 + i % 5, 1 + (i::bigint * 7919) % ${Math.ceil(conversations * 0.7)}, t, t
      from generate_series(7, ${conversations}, 7) i
      cross join lateral (select ${ofConversation} as t) stamp`,
    taggings: `
      insert into taggings (tag_id, taggable_type, taggable_id, context, created_at)
      select (select min(id) from tags), 'Conversation', i, 'labels', now()
      from generate_series(1, ${conversations}, 2) i`,
    conversation_participants: `
      insert into conversation_participants (account_id, user_id, conversation_id, created_at, updated_at)
      select 1, 1 + i % 20, i, t, t
      from generate_series(1, ${conversations}, 2) i
      cross join lateral (select ${ofConversation} as t) stamp`,
    applied_slas: `
      insert into applied_slas (account_id, sla_policy_id, conversation_id, created_at, updated_at, sla_status)
      select 1, 1, i, t, t, i % 3
      from generate_series(7, ${conversations}, 7) i
      cross join lateral (select ${ofConversation} as t) stamp`,
    attachments: `
      insert into attachments (file_type, message_id, account_id, created_at, updated_at)
      select i % 4, i, 1, now(), now()
      from generate_series(13, ${messages}, 13) i`,
  }
}
