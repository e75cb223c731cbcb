import { randomUUID } from 'node:crypto'

import { liveADay } from '../../bin/demo/chatwoot-source.js'
import { note } from './marks.js'
import { linger, type Crowd, type Transaction } from './writer.js'

/** Answers a conversation and changes its status, in one transaction that is open for a while. */
export const converse: Transaction = async (writer) => {
  const { client, dice } = writer
  const { rows } = await client.query<{ id: number }>(
    'select id::integer as id from conversations where id >= $1::integer order by id limit 1',
    [dice.between(1, 480)],
  )
  const id = rows[0]?.id ?? 0
  const text = randomUUID()
  await client.query('begin')
  await client.query(
    `insert into messages (account_id, inbox_id, conversation_id, message_type, private, content_type, content, created_at, updated_at)
     select account_id, inbox_id, id, 1, false, 0, $2::text, now(), now()
     from conversations
     where id = $1::integer`,
    [id, text],
  )
  await linger(writer, 20, 1500)
  const updated = await client.query(
    'update conversations set status = $2::integer, updated_at = now(), last_activity_at = now() where id = $1::integer',
    [id, dice.between(0, 2)],
  )
  writer.rows += updated.rowCount ?? 0
  const isUndone = dice.chance(1 / 6)
  await client.query(isUndone ? 'rollback' : 'commit')
  if (!isUndone) await note(writer, { kind: 'message', id, mark: text })
}

/** One day after the other, each in some tenths of a second. */
export async function liveDays({ url, seed, stop }: Crowd): Promise<void> {
  for (let day = 1; !stop.aborted; day++) await liveADay(url, { seed: seed * 100 + day, intensity: 0.2 })
}
