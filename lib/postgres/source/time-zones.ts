import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** Which of these time zones the server knows by name. Asking costs tens of milliseconds, as the server reads its zone files. */
export async function knownTimeZones(
  session: Session,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await session.rows(
    compile(sql`
    select name::text
    from pg_timezone_names
    where name in (select json_array_elements_text(${JSON.stringify(names)}::json))`),
  )
  return new Set(rows.flatMap(([name]) => (name ? [name] : [])))
}
