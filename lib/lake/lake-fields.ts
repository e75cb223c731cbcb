import type { LakeField } from './delta/schema.js'
import { hasRanges } from './parquet/exported-query.js'
import { outOfRangeColumn, type LakeColumn } from './parquet/lake-columns.js'

/** The fields of Delta for the columns of a file. */
export function lakeFields(columns: readonly LakeColumn[]): readonly LakeField[] {
  const fields = columns.map(({ name, isList, deltaType }): LakeField => {
    return { name, type: isList ? { type: 'array', elementType: deltaType, containsNull: true } : deltaType }
  })
  return hasRanges(columns) ? [...fields, { name: outOfRangeColumn, type: 'string' }] : fields
}
