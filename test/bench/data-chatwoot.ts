import { sql } from 'kysely'

import { rowColumns } from '../../lib/chatwoot/columns.js'
import { sqlFile } from '../../lib/chatwoot/feeds.js'
import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'
import { compile } from '../../lib/postgres/driver/statement.js'
import { contentOf, requireEqual, type Pair } from './database.js'
import { createSeedView } from './seed-view.js'

export type Size = 'small' | 'large'

/** A Chatwoot with ten messages a conversation, and a target that a first run has filled. */
export interface ChatwootPair extends Pair {
  readonly size: Size
  readonly conversations: number
  /** Conversations that `change` changes, spread over all history: always the same, as a run reads those of the last minute again. */
  readonly changed: readonly number[]
  /** Gives the time of the source just before. */
  change(): Promise<string>
  /** Throws unless the target equals the source, in the conversations of `change` or in all. */
  check(which: 'changed' | 'all'): Promise<void>
}

/** A fifth of the rows of the wide table, and twice as many. */
export const conversationsOf = (size: Size, rows: number): number =>
  size === 'small' ? Math.ceil(rows / 5) : rows * 2

export async function openChatwoot(pair: Pair, size: Size, conversations: number): Promise<ChatwootPair> {
  const { source, target } = pair
  // An hour ago, so that none of it counts as changed just now.
  const now = new Date(Date.now() - 3_600_000).toISOString()
  await createChatwootSource(source.url, { conversations, now })
  await createSeedView(source)
  await source.query('vacuum analyze')
  await migrate({ target: target.url })
  const changed = await pickIds(pair)
  return {
    ...pair,
    size,
    conversations,
    changed,
    change: () => change(pair, changed),
    check: (which) => check(pair, which === 'changed' ? changed : undefined),
  }
}

async function pickIds({ source }: Pair): Promise<number[]> {
  const rows = await source.query<{ id: number }>(`
    select min(id)::integer as id
    from (
      select
        id,
        ntile(least(200, (select count(*) / 2 from conversations))::integer) over (order by id) as part
      from conversations
    ) parts
    group by part
    order by id`)
  return rows.map(({ id }) => id)
}

async function change({ source }: Pair, ids: readonly number[]): Promise<string> {
  const [clock] = await source.query<{ now: string }>(
    `select (clock_timestamp() at time zone 'UTC')::text as now`,
  )
  await source.query(
    `update conversations
     set status = (status + 1) % 3, updated_at = clock_timestamp() at time zone 'UTC'
     where id = any($1::integer[])`,
    [ids],
  )
  return clock?.now ?? ''
}

async function check({ source, target }: Pair, ids: readonly number[] | undefined): Promise<void> {
  const [zones] = await source.query<{ known: string }>(
    `select array(select name from pg_timezone_names)::text as known`,
  )
  const row = sqlFile('conversation-row.sql', { time_zone: null, known_time_zones: zones?.known ?? '{}' })
  const condition = ids ? `conversation_id = any('{${ids.join(',')}}')` : 'true'
  const expected = compile(sql`(${row}) r where ${sql.raw(condition)}`)
  const [there, here] = await Promise.all([
    contentOf(source, rowColumns, expected.sql, expected.parameters),
    contentOf(target, rowColumns, `conversas_analytics where deleted_at is null and ${condition}`),
  ])
  requireEqual(`conversations (${there} in the source, ${here} in the target)`, here, there)
}
