import type pg from 'pg'

import type { SyncReport } from '../../lib/domain/report.js'
import { linger, type Transaction, type Writer } from './writer.js'

type Kind = 'conversation' | 'contact' | 'message'

interface Mark {
  readonly kind: Kind
  readonly id: number
  readonly mark: string
}

/** To be called once the transaction has ended that wrote the mark. */
export async function note({ client }: Pick<Writer, 'client'>, { kind, id, mark }: Mark): Promise<void> {
  await client.query(
    `insert into soak_marks (kind, id, mark, at)
     values ($1::text, $2::integer, $3::text, clock_timestamp() at time zone 'UTC')`,
    [kind, id, mark],
  )
}

/** The id of any row, by a parameter from 0 to 1. */
function anyOf(table: string): string {
  return `(
    select id
    from ${table}
    where id >= $1::float8 * (select max(id) from ${table})
    order by id
    limit 1
  )`
}

/** Changes what only a scan of conversations shows, with a stamp of the begin of its transaction. */
export const editConversation: Transaction = (writer) =>
  mark(
    writer,
    'conversation',
    `update conversations
     set
       additional_attributes = jsonb_set(coalesce(additional_attributes, '{}'), '{browser_language}', to_jsonb(nextval('soak_mark')::text)),
       updated_at = now() at time zone 'UTC'
     where id = ${anyOf('conversations')}
     returning id::integer as id, additional_attributes ->> 'browser_language' as mark`,
  )

/** The same of contacts. */
export const editContact: Transaction = (writer) =>
  mark(
    writer,
    'contact',
    `update contacts
     set
       additional_attributes = jsonb_set(coalesce(additional_attributes, '{}'), '{city}', to_jsonb(nextval('soak_mark')::text)),
       updated_at = now() at time zone 'UTC'
     where id = ${anyOf('contacts')}
     returning id::integer as id, additional_attributes ->> 'city' as mark`,
  )

async function mark(writer: Writer, kind: Kind, update: string): Promise<void> {
  const { client, dice } = writer
  await client.query('begin')
  await client.query('select now()')
  await linger(writer, 0, dice.chance(0.15) ? 1500 : 10)
  const { rows } = await client.query<{ id: number; mark: string }>(update, [dice.between(0, 999) / 1000])
  await linger(writer, 0, dice.chance(0.15) ? 1500 : 10)
  if (dice.chance(1 / 8)) {
    await client.query('rollback')
    return
  }
  await client.query('commit')
  writer.rows += rows.length
  for (const row of rows) await note(writer, { kind, ...row })
}

/** Claims of a run that do not hold, in words: it says that it has everything through a time, and lacks what was committed before. */
export async function brokenClaims(
  { source, target }: { readonly source: pg.Pool; readonly target: pg.Pool },
  report: SyncReport,
): Promise<string[]> {
  const { watermarkEnd, watermarkIndexed, loadType } = report
  const claimed = await marksBefore(source, watermarkEnd, watermarkIndexed)
  const { rows } = await target.query<Shown>(`
    select
      conversation_id as id,
      browser_language as conversation,
      contact_id::integer as contact_id,
      contact_city as contact,
      message_compiled::text as messages
    from conversas_analytics
    where deleted_at is null`)
  const byId = new Map(rows.map((row) => [row.id, row]))
  const isShown = ({ kind, id, mark }: Mark) => {
    if (kind === 'contact')
      return rows.every((row) => row.contact_id !== id || Number(row.contact) >= Number(mark))
    const row = byId.get(id)
    return kind === 'message'
      ? row?.messages?.includes(mark) === true
      : Number(row?.conversation) >= Number(mark)
  }
  return claimed
    .filter((each) => !isShown(each))
    .map(({ kind, id, mark }) => `${loadType} run through ${watermarkEnd}: ${kind} ${id} lacks ${mark}`)
}

interface Shown {
  readonly id: number
  readonly conversation: string | null
  readonly contact_id: number | null
  readonly contact: string | null
  readonly messages: string | null
}

/** Those that still are what the source has, and were committed before the run says that it has everything of their kind. */
async function marksBefore(
  source: pg.Pool,
  end: string | null,
  indexed: string | null,
): Promise<readonly Mark[]> {
  const { rows } = await source.query<Mark>(
    `select kind, id, mark
     from soak_marks m
     where at < (case when kind = 'message' then $2::timestamp else $1::timestamp end)
       and case kind
         when 'contact' then exists (select from contacts where id = m.id)
         when 'message' then exists (
           select
           from messages
           join conversations on conversations.id = messages.conversation_id
           where messages.conversation_id = m.id
             and messages.content = m.mark
         )
         else exists (select from conversations where id = m.id)
       end`,
    [end, indexed],
  )
  return rows
}
