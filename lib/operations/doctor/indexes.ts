import { editFeed, scannedFeeds } from '../../chatwoot/feeds.js'
import { countText, durationText } from '../../domain/quantity-text.js'
import { identifier } from '../../postgres/driver/identifier.js'
import type { CustomRelation } from '../../options.js'
import type { Relation } from '../../postgres/driver/catalog.js'
import type { MeasuredScans } from '../../postgres/control/scans.js'
import type { Session } from '../../postgres/driver/session.js'
import { tablesReadWhole } from '../../postgres/source/change-path.js'
import { unindexedColumns, type UnindexedColumn } from '../../postgres/source/indexes.js'
import { ok, warning, type Check } from './check.js'

/** Rows; reading a smaller table whole costs an incremental run milliseconds. */
const minRows = 100_000

/** Of these Chatwoot itself has an index for the last one only. */
const sought = [...scannedFeeds, editFeed, { table: 'messages', column: 'created_at' }]

/**
 * Which indexes would save an incremental run from scanning large tables. Chatwoot has none on `updated_at`; whether to add one is for the
 * owner of the database to decide, as each makes writing a little slower.
 */
export async function checkIndexes(source: Session, measured: MeasuredScans | undefined): Promise<Check[]> {
  const name = 'source-indexes'
  const found = await unindexedColumns(source, sought, minRows)
  if (found.length === 0) return [ok(name, 'No large table lacks an index by which runs find changes.')]
  return found.map((each) => {
    const { table, column } = each
    const index = `create index concurrently index_${table}_on_${column} on ${table} (${column});`
    if (table === 'messages' && column === 'created_at')
      return warning(name, costOf(each), `Chatwoot itself creates this index; have its owner run: ${index}`)
    const saving = savingOf(each, measured)
    return warning(
      name,
      saving === undefined ? `${sizeOf(each)}, so it is scanned for changes.` : `${sizeOf(each)}. ${saving}`,
      `If that is too much or too late, have its owner run: ${index}`,
    )
  })
}

/** What a scan in each run would take of a day, which an index saves; the budget lets changes wait instead. */
function savingOf(
  { table, column }: UnindexedColumn,
  measured: MeasuredScans | undefined,
): string | undefined {
  const took = measured?.took.get(`${table}.${column}`)
  if (!measured || took === undefined) return undefined
  const { runs, scans } = measured
  const all = `A scan took ${durationText(took / 1000)}: in each of ${countText(runs)} runs a day ${durationText((took * runs) / 1000)}, which an index saves`
  if (scans >= runs || table === 'messages') return `${all}.`
  return `${all}; ${countText(scans)} of them have scanned, and until the next one does, such changes wait.`
}

/** Whether an incremental run finds the changed rows of a table by an index; of a view, `checkChangePath` asks the planner. */
export async function checkChangeIndex(source: Session, table: string, column: string): Promise<Check[]> {
  const found = await unindexedColumns(source, [{ table, column }], minRows)
  return found.map((each) =>
    warning(
      'relation-index',
      costOf(each),
      `If runs take too long, have its owner run: create index concurrently on ${table} (${identifier(column)});`,
    ),
  )
}

/** Whether it finds those of a view or a partitioned table without reading whole tables beneath it. */
export async function checkChangePath(
  source: Session,
  relation: Relation,
  { name, changedAt }: Pick<CustomRelation, 'name' | 'changedAt'>,
): Promise<Check[]> {
  const found = await tablesReadWhole(source, relation, changedAt, minRows)
  if (!found) return []
  if (found.length === 0)
    return [
      ok('relation-index', `A run need not read a large table whole to find the changed rows of ${name}.`),
    ]
  const read = found
    .map(({ table, rows, size }) => `${table} (about ${countText(Number(rows))} rows, ${size})`)
    .join(', ')
  return [
    warning(
      'relation-index',
      `Every incremental run reads all of ${read}, as no index leads from ${changedAt} of ${name} to its changed rows.`,
      `If runs take too long, have ${changedAt} be an indexed column of one table, or have the owner create what is missing; explain select * from ${name} where ${identifier(changedAt)} > now(); shows how it is read.`,
    ),
  ]
}

const costOf = (each: UnindexedColumn) => `${sizeOf(each)}, so every incremental run reads all of it.`

const sizeOf = ({ table, column, rows, size }: UnindexedColumn) =>
  `${table} has about ${countText(Number(rows))} rows (${size}) and no index on ${column}`
