import { sql } from 'kysely'

import { describeRelation } from '../../postgres/driver/catalog.js'
import { isRunLock } from '../../postgres/control/run-lock.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { ok, warning, type Check } from './check.js'

/** Whether a run of the pipeline is at work now. */
export async function checkRunning(target: Session, pipeline: string): Promise<Check[]> {
  const name = 'running-run'
  // That it is missing is said by another check.
  if (!(await describeRelation(target, 'etl_control'))) return []
  const [row] = await target.rows(
    compile(sql`
      select
        (exists (select from pg_locks l where ${isRunLock(pipeline)}))::text,
        (
          select max(started_at)::text
          from etl_control
          where pipeline = ${pipeline}::text
            and status = 'running'
        )`),
  )
  const [locked, since] = row ?? []
  if (locked === 'true') {
    const when = since ? ` since ${since.slice(0, 19)} UTC` : ''
    return [
      warning(
        name,
        `A run of ${pipeline} is at work${when}.`,
        'Another one ends with LOCKED until it is done.',
      ),
    ]
  }
  if (since)
    return [ok(name, `The run of ${since.slice(0, 19)} UTC died without closing its row; the next one does.`)]
  return [ok(name, `No run of ${pipeline} is at work.`)]
}
