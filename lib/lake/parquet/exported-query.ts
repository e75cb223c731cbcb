import type { CompiledQuery } from 'kysely'

import type { Relation } from '../../postgres/driver/catalog.js'
import { exportedRows, type ExportedRows } from '../../postgres/target/exported-cells.js'
import type { LakeColumn } from './lake-columns.js'

/** The query whose rows become a Parquet file of these columns, and how many cells it has. */
export function parquetRows(
  table: Pick<Relation, 'schema' | 'name'>,
  columns: readonly LakeColumn[],
  rows: Omit<ExportedRows, 'withOutOfRange'> = {},
): { readonly query: CompiledQuery; readonly cells: number } {
  const cells = columns.map(({ cell }) => cell)
  const withOutOfRange = hasRanges(columns)
  return {
    query: exportedRows(table, cells, { ...rows, withOutOfRange }),
    cells: cells.length + (withOutOfRange ? 1 : 0),
  }
}

/** Whether values can be out of range, for which a file then has a column. */
export const hasRanges = (columns: readonly LakeColumn[]): boolean =>
  columns.some(({ cell }) => cell.range !== undefined)
