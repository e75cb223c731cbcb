import { sql } from 'kysely'

import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { ok, warning, type Check } from './check.js'

/** Below this, reading a table whole costs an incremental run milliseconds. */
const largeTable = 100_000

const tables = ['conversations', 'messages', 'contacts', 'csat_survey_responses'] as const

/**
 * Which indexes would spare an incremental run from reading large tables whole. Chatwoot has none on `updated_at`; whether its owner wants
 * one is the owner's choice, as each makes writing a little slower.
 */
export async function checkIndexes(source: Session): Promise<Check[]> {
  const rows = await source.rows(
    compile(sql`
      select wanted::text, c.reltuples::bigint::text
      from json_array_elements_text(${JSON.stringify(tables)}::json) wanted
      join pg_class c on c.oid = to_regclass(wanted)
      where c.reltuples > ${largeTable}::real
        and not exists (
          select
          from pg_index i
          join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
          where i.indrelid = c.oid
            and a.attname = 'updated_at'
            and i.indisvalid
            and i.indpred is null
        )
      order by c.reltuples desc`),
  )
  if (rows.length === 0) return [ok('source-indexes', 'No index is missing that would matter at this size.')]
  return rows.map(([table = '', estimate]) =>
    warning(
      'source-indexes',
      `${table ?? ''} has about ${estimate ?? ''} rows and no index on updated_at, so each incremental run reads much of it.`,
      `If runs take too long, let its owner run: create index concurrently index_${table ?? ''}_on_updated_at on ${table ?? ''} (updated_at);`,
    ),
  )
}
