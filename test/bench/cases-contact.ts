import type { Bench, Group } from './bench.js'
import { compete, requireCounts, type Strategy } from './contest.js'
import type { ChatwootPair } from './data-chatwoot.js'
import { atMost, told } from './findings.js'

/** Conversations of one contact. */
const most = 2000

/** Each message touches its contact, and a contact may have thousands of conversations. */
export const contact: Group = {
  name: 'contact',
  shows: `one message of a contact with ${most} conversations against one of an ordinary contact`,
  run: async (bench) => {
    const pair = await bench.chatwoot('small')
    const many = Math.min(most, Math.floor(pair.conversations / 2))
    const [regular, other] = await gather(pair, many)
    await bench.worker.sync(endsOf(pair))
    const costs = await compete(
      {
        regular: messageRun(bench, pair, { id: regular, name: `of a contact with ${many} conversations` }),
        other: messageRun(bench, pair, { id: other, name: 'of an ordinary contact' }),
      },
      bench.repeat,
      bench.log,
    )
    await pair.check('all')
    const { milliseconds } = costs.regular
    return {
      costs: Object.values(costs),
      findings: [
        atMost(`1 message of a contact with ${many} conversations`, milliseconds, 1.5, {
          of: 'of an ordinary contact',
          value: costs.other.milliseconds,
        }),
        told('rows of it that are read in full', 1, 'rows'),
      ],
    }
  },
}

const now = `clock_timestamp() at time zone 'UTC'`

/** Gives conversations to one contact, who wrote in them; ids of one of these conversations and of one of another contact. */
async function gather({ source }: ChatwootPair, many: number): Promise<[number, number]> {
  await source.query(
    `with chosen as (
       select id from conversations order by id limit $1::integer
     ), regular as (
       select contact_id from conversations order by id limit 1
     ), written as (
       update messages
       set sender_id = regular.contact_id, updated_at = ${now}
       from regular
       where sender_type = 'Contact' and conversation_id in (select id from chosen)
     )
     update conversations
     set contact_id = regular.contact_id, updated_at = ${now}
     from regular
     where id in (select id from chosen)`,
    [many],
  )
  await source.query('vacuum analyze')
  const [found] = await source.query<{ regular: number; other: number }>(
    'select min(id)::integer as regular, max(id)::integer as other from conversations',
  )
  return [found?.regular ?? 0, found?.other ?? 0]
}

/** A run after one message. */
function messageRun(
  { worker }: Pick<Bench, 'worker'>,
  pair: ChatwootPair,
  conversation: { readonly id: number; readonly name: string },
): Strategy {
  const name = `ours: 1 message ${conversation.name}`
  return {
    ...{ name, pair, rows: 1 },
    prepare: () => write(pair, conversation.id),
    // What the other case has written is not read again.
    run: (ends) => worker.sync({ ...ends, skewAllowance: 0 }),
    check: async (spent) => {
      requireCounts(name, spent, { rowsExtracted: 1, rowsUpdated: 1 })
      await pair.check('changed')
    },
  }
}

/** As Chatwoot does it: the message, then its conversation and its contact. */
const write = ({ source }: ChatwootPair, id: number) =>
  source.query(
    `with sent as (
       insert into messages (account_id, inbox_id, conversation_id, message_type, content_type, private, sender_type, sender_id, content, created_at, updated_at)
       select account_id, inbox_id, id, 0, 0, false, 'Contact', contact_id, 'Oi', ${now}, ${now}
       from conversations
       where id = $1
     ), seen as (
       update contacts
       set last_activity_at = ${now}, updated_at = ${now}
       where id = (select contact_id from conversations where id = $1)
     )
     update conversations
     set last_activity_at = ${now}, updated_at = ${now}
     where id = $1`,
    [id],
  )

const endsOf = ({ source, target }: ChatwootPair) => ({ source: source.url, target: target.url })
