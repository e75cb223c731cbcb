import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** What a server reports of itself as a standby. */
export interface Standby {
  readonly isStandby: boolean
  /** Whole seconds since the last commit that it replayed, as text; null when there was none, and on a primary. */
  readonly secondsBehind: string | null
  /** Whether its primary keeps the rows that reads on the standby still need. */
  readonly hasFeedback: boolean
}

export async function readStandby(source: Session): Promise<Standby> {
  const [row] = await source.rows(
    compile(sql<Standby>`
      select
        pg_is_in_recovery() as "isStandby",
        extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::bigint::text as "secondsBehind",
        current_setting('hot_standby_feedback') = 'on' as "hasFeedback"`),
  )
  return row ?? { isStandby: false, secondsBehind: null, hasFeedback: false }
}
