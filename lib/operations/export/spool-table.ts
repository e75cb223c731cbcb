import {
  keptColumns,
  lakeColumns,
  type LakeColumn,
  type TimestampForm,
} from '../../lake/parquet/lake-columns.js'
import { parquetRows } from '../../lake/parquet/exported-query.js'
import { spoolCsv, type SpooledRows } from '../../lake/parquet/spool-csv.js'
import { defaults } from '../../options.js'
import { describeTarget, type Relation } from '../../postgres/driver/catalog.js'
import { clockOf } from '../../postgres/driver/clock.js'
import { openSession } from '../../postgres/driver/connect.js'
import { csvLine, readCsv } from '../../postgres/driver/csv-rows.js'
import { tableIn } from '../../postgres/driver/search-path.js'
import { withSnapshot } from '../../postgres/driver/transaction.js'
import { exportedRows, isNotSoftDeleted } from '../../postgres/target/exported-cells.js'
import type { ExportOptions } from './export-options.js'

/** The rows of a table in a local file. */
export interface SpooledTable {
  readonly spooled: SpooledRows
  /** How Parquet holds the columns; undefined for CSV. */
  readonly lake: readonly LakeColumn[] | undefined
  readonly columns: number
  /** Everything that was committed before is in it. */
  readonly asOf: string
}

export interface TableToSpool extends Pick<ExportOptions, 'target' | 'schema' | 'signal' | 'onProgress'> {
  readonly table: string
  readonly without: readonly string[]
  readonly includeDeleted: boolean
  /** Undefined for CSV. */
  readonly timestamps: TimestampForm | undefined
}

/** Reads a table under one snapshot, in the order of its key, into a file. */
export async function spoolTable(
  { target: handle, schema, table: name, ...wanted }: TableToSpool,
  file: string,
): Promise<SpooledTable> {
  const { connectTimeout, lockTimeout } = defaults
  const applicationName = 'chatwoot-sync export'
  await using target = await openSession('target', handle, { applicationName, connectTimeout, schema })
  const asOf = await clockOf(target)
  // As long as the table is large.
  return await withSnapshot(target, { statementTimeout: 0, lockTimeout }, async () => {
    const table = await describeTarget(target, tableIn(schema, name))
    const byCopy = target.copy !== undefined
    const { query, cells, header, lake, columns } = selectionOf(table, { ...wanted, byCopy })
    const rows = readCsv(target, query, { columns: cells, nullText: lake ? '\\N' : '' })
    const { signal, onProgress } = wanted
    const rowsExpected = table.estimatedRows
    const onRows = onProgress && ((rowsExported: number) => onProgress({ rowsExported, rowsExpected }))
    const spooling = { file, inParts: lake !== undefined, header, signal, onRows }
    return { spooled: await spoolCsv(rows, spooling), lake, columns, asOf }
  })
}

interface Selection extends Pick<TableToSpool, 'without' | 'includeDeleted' | 'timestamps'> {
  readonly byCopy: boolean
}

/** What is selected: texts for CSV, which has its names in the first line. */
function selectionOf(table: Relation, { without, includeDeleted, timestamps, byCopy }: Selection) {
  const hasDeleted = table.columns.some(({ name }) => name === 'deleted_at')
  const [orderBy] = table.uniqueColumns
  const rows = { orderBy, where: hasDeleted && !includeDeleted ? isNotSoftDeleted : undefined }
  if (timestamps === undefined) {
    const names = keptColumns(table, without).map(({ name }) => name)
    const texts = names.map((name) => ({ name, form: 'text', range: undefined }) as const)
    const facts = { cells: names.length, columns: names.length, lake: undefined }
    return { query: exportedRows(table, texts, rows), header: csvLine(names, ''), ...facts }
  }
  const lake = lakeColumns(table, { timestamps, without })
  return { ...parquetRows(table, lake, { ...rows, byCopy }), header: '', columns: lake.length, lake }
}
