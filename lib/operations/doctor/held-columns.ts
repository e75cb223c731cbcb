import { fromJson } from '../../pipeline/prepare/state.js'
import { heldColumns } from '../../pipeline/prepare/held-columns.js'
import { describeRelation } from '../../postgres/driver/catalog.js'
import { hasControl } from '../../postgres/driver/search-path.js'
import type { Session } from '../../postgres/driver/session.js'
import { readRunState } from '../../postgres/control/run-rows.js'
import { warning, type Check } from './check.js'

/** New columns with personal data that stay empty, as the last run protected columns and nobody has named these. */
export async function checkHeldColumns(target: Session, table: string, pipeline: string): Promise<Check[]> {
  const described = await describeRelation(target, table)
  // Other checks report that a table is missing.
  if (!described || !(await hasControl(target))) return []
  const last = fromJson((await readRunState(target, pipeline))?.state)
  const loaded = described.columns.map(({ name }) => name)
  // Whatever the next run protects, it protects something; a name in its options releases a column.
  const held = heldColumns({ columns: undefined, messageTexts: false }, loaded, last)
  if (held.length === 0) return []
  const message = `New columns with personal data stay empty, as the last run protected columns: ${held.join(', ')}.`
  const remedy =
    'Name each in CHATWOOT_SYNC_EXCLUDE_COLUMNS, _HASH_COLUMNS, _MASK_COLUMNS or _KEEP_KEYS, or in _INCLUDE_COLUMNS to load it.'
  return [warning('target-held-columns', message, remedy)]
}
