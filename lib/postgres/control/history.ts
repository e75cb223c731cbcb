import { sql, type CompiledQuery } from 'kysely'

import { compile } from '../driver/statement.js'

/** Rows of each kind that one run deletes at most: a day's runs of every five minutes, so that a long history goes without a pause. */
const trimPortion = 300

/** Deletes what is older than `keep` milliseconds and not needed any more; in the database stands what is needed. */
export const trimHistory = (pipeline: string, keep: number): CompiledQuery =>
  compile(sql`
    select etl_trim_history(
      ${pipeline}::text,
      make_interval(secs => ${keep / 1000}::double precision),
      ${trimPortion}::integer
    )::text`)
