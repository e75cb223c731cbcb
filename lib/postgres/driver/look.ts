import { CompiledQuery } from 'kysely'

import type { Cells, Session } from './session.js'
import { beginLooking, type Timeouts } from './transaction.js'

/**
 * Runs queries in one transaction that cannot write, in one round trip; the rows of each. After a failure the transaction is over as
 * well, so that the session can go on.
 */
export async function look(
  session: Session,
  timeouts: Timeouts,
  queries: readonly CompiledQuery[],
): Promise<readonly (readonly Cells[])[]> {
  const begin = beginLooking(timeouts).map((text) => CompiledQuery.raw(text))
  try {
    const results = await session.together([...begin, ...queries, CompiledQuery.raw('commit')])
    return results.slice(begin.length, begin.length + queries.length)
  } catch (error) {
    if (!session.lost.aborted) await session.script(['rollback'])
    throw error
  }
}
