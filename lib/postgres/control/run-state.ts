import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** The state that the last good run of a pipeline left, and of which run it is. */
export interface RunState {
  readonly executionId: string
  /** JSON. */
  readonly state: string
}

/** Undefined where the next run would read everything anyway. */
export async function readRunState(target: Session, pipeline: string): Promise<RunState | undefined> {
  const [row] = await target.rows(
    compile(sql`
      select
        execution_id::text,
        state::text
      from etl_control
      where pipeline = ${pipeline}::text
        and status = 'success'
      order by started_at desc
      limit 1`),
  )
  const [executionId, state] = row ?? []
  return executionId && state ? { executionId, state } : undefined
}

/** Puts `next` in the place of a state, unless that was changed or dropped meanwhile; whether it did. */
export async function replaceRunState(target: Session, from: RunState, next: string): Promise<boolean> {
  const rows = await target.rows(
    compile(sql`
      update etl_control
      set state = ${next}::jsonb
      where execution_id = ${from.executionId}::uuid
        and state = ${from.state}::jsonb
      returning status::text`),
  )
  return rows.length > 0
}
