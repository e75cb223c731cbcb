import { SyncError } from '../../domain/errors.js'
import type { Relation } from '../../postgres/driver/catalog.js'
import { lakeTime } from '../../postgres/target/lake-months.js'
import type { DeltaTable } from '../delta/read-delta.js'
import { fieldsOf, grownTable, newTable, type TableShape } from '../delta/schema.js'
import { lakeFields } from '../lake-fields.js'
import { lakeColumns, type LakeColumn } from '../parquet/lake-columns.js'
import { archivedMonths, settingsIn, withSettings, type Form } from './file-notes.js'

/** What the next version of a lake looks like. */
export interface LakeShape {
  readonly columns: readonly LakeColumn[]
  readonly shape: TableShape
  /** Names of columns that the lake lacks so far. */
  readonly added: readonly string[]
}

interface Wanted {
  /** As the options say; what they leave out is as before. */
  readonly without: readonly string[] | undefined
  readonly timestamps: 'ntz' | 'utc' | undefined
  readonly rebuild: boolean
}

/**
 * The columns that the lake gets from the table. New ones are added at the end; anything else that changes its schema needs `rebuild`. Throws
 * CONFIG_INVALID and LAKE_TYPE_CHANGED.
 */
export function shapeOfLake(relation: Relation, before: DeltaTable | undefined, wanted: Wanted): LakeShape {
  requireTime(relation)
  const known = before && settingsIn(before.metadata)
  if (known && !wanted.rebuild) requireSame(known, wanted)
  const { without = [], timestamps = 'ntz' } = known ?? {}
  const form = { without: wanted.without ?? without, timestamps: wanted.timestamps ?? timestamps }
  const columns = lakeColumns(relation, {
    timestamps: form.timestamps,
    // One that the table no longer has cannot be left out.
    without: wanted.without ?? without.filter((name) => relation.columns.some((own) => own.name === name)),
  })
  const fields = lakeFields(columns)
  if (!before || wanted.rebuild) {
    const { protocol, metadata } = newTable(fields)
    const same = before && rebuilt(before)
    return { columns, shape: { protocol, metadata: withSettings({ ...metadata, ...same }, form) }, added: [] }
  }
  const shape = grownTable(before, fields)
  const names = new Set(fieldsOf(before.metadata).map(({ name }) => name))
  return { columns, shape, added: columns.flatMap(({ name }) => (names.has(name) ? [] : [name])) }
}

/** It stays the same table. Files of an archive have the columns that it had, which nothing can write anew. */
function rebuilt({ metadata }: DeltaTable) {
  const archived = archivedMonths(metadata)
  if (archived.size > 0) {
    const message = `The lake holds ${archived.size} archived months, which cannot be written anew.`
    throw new SyncError('LAKE_TYPE_CHANGED', message, {
      remedy: 'Begin a lake at another place, and keep this one for its archive.',
      details: { months: [...archived] },
    })
  }
  const { id, configuration, createdTime } = metadata
  return { id, configuration, createdTime }
}

/** Files that were written so far would not have it. */
function requireSame(known: Form, { without, timestamps }: Wanted): void {
  const isSame = (one: readonly string[]) => [...one].sort().join() === [...known.without].sort().join()
  const changes = [
    ...(without === undefined || isSame(without)
      ? []
      : [`without ${known.without.join(', ') || 'nothing'} left out`]),
    ...(timestamps === undefined || timestamps === known.timestamps
      ? []
      : [`with ${known.timestamps} times`]),
  ]
  if (changes.length === 0) return
  throw new SyncError('CONFIG_INVALID', `The lake was begun ${changes.join(' and ')}.`, {
    remedy: 'Leave the option out, or write all files anew with --rebuild.',
  })
}

function requireTime({ name, columns }: Relation): void {
  const time = columns.find((column) => column.name === lakeTime)
  if (time?.definition.kind === 'timestamp') return
  const what = time ? `is ${time.type}, and not a timestamp` : 'is missing'
  throw new SyncError('TARGET_COLUMN_MISSING', `The column ${lakeTime} of ${name} ${what}.`, {
    remedy: 'A lake is arranged by its months: add the column to the table.',
    details: { columns: [lakeTime] },
  })
}
