import type { Session } from '../../postgres/driver/session.js'
import { largeTablesWithoutIndex } from '../../postgres/source/indexes.js'
import { ok, warning, type Check } from './check.js'

/** Rows; reading a smaller table whole costs an incremental run milliseconds. */
const minRows = 100_000

const tables = ['conversations', 'messages', 'contacts', 'csat_survey_responses'] as const

/**
 * Which indexes would save an incremental run from scanning large tables. Chatwoot has none on `updated_at`; whether to add one is for the
 * owner of the database to decide, as each makes writing a little slower.
 */
export async function checkIndexes(source: Session): Promise<Check[]> {
  const name = 'source-indexes'
  const found = await largeTablesWithoutIndex(source, tables, { column: 'updated_at', minRows })
  if (found.length === 0) return [ok(name, 'No large table lacks an index on updated_at.')]
  return found.map(({ name: table, rows }) =>
    warning(
      name,
      `${table} has about ${rows} rows and no index on updated_at, so every incremental run scans much of it.`,
      `If runs take too long, have its owner run: create index concurrently index_${table}_on_updated_at on ${table} (updated_at);`,
    ),
  )
}
