import type { CompiledQuery } from 'kysely'

import { readColumns } from '../../chatwoot/source-columns.js'
import { holdQuery, rewrittenQuery } from '../../postgres/source/table-locks.js'
import type { Cells, Session } from '../../postgres/driver/session.js'
import type { Plan } from './plan.js'
import { schemaChanged } from './schema-change.js'

/** For a caller who has more to ask in the same round trip: `requireNotRewritten` reads the rows of the last of them. */
export function holdQueries({ custom }: Plan): readonly CompiledQuery[] {
  const tables = custom ? [custom.relation] : Object.keys(readColumns).map((name) => ({ name }))
  return [holdQuery(tables), rewrittenQuery]
}

/**
 * Makes sure, in the snapshot that is open, that what is read from now on is what the snapshot saw: a table that was written anew since
 * would look empty. From here to the end of the transaction nobody can change it. Throws SCHEMA_CHANGED.
 */
export async function holdTables(source: Session, plan: Plan): Promise<void> {
  requireNotRewritten((await source.together(holdQueries(plan))).at(-1) ?? [])
}

export function requireNotRewritten(rows: readonly Cells[]): void {
  const [row] = rows
  if (row?.[0]) throw schemaChanged('source', [`written anew: ${row[0]}`])
}
