import { randomUUID } from 'node:crypto'

import { SyncError } from '../../domain/errors.js'
import type { DeltaAction, DeltaMetadata, DeltaProtocol } from './actions.js'

/** A type as Delta writes it: `long`, `decimal(12,3)`, `timestamp_ntz`, or a list. */
export type DeltaType =
  string | { readonly type: 'array'; readonly elementType: string; readonly containsNull: true }

/** A column of a table; the column of the partition is not among those that are passed in. */
export interface LakeField {
  readonly name: string
  readonly type: DeltaType
}

/** The column by which every lake is partitioned. */
export const partitionColumn = 'month'

/** What a table is, and what has to be understood to read it. */
export interface TableShape {
  readonly protocol: DeltaProtocol
  readonly metadata: DeltaMetadata
}

/**
 * A new table that is partitioned by month. Throws CONFIG_INVALID for columns that readers of Delta do not take: names that differ only in
 * capitals, that hold a character which Parquet schemas of Spark reserve, or that are `month`.
 */
export function newTable(fields: readonly LakeField[]): TableShape {
  const all = [...fields, { name: partitionColumn, type: 'string' }]
  checkNames(all)
  return {
    protocol: protocolFor(all),
    metadata: {
      id: randomUUID(),
      format: { provider: 'parquet', options: {} },
      schemaString: schemaText(all),
      partitionColumns: [partitionColumn],
      configuration: {},
      createdTime: Date.now(),
    },
  }
}

/**
 * The table with the columns that it lacks, at its end; the same object where it lacks none. A column that PostgreSQL no longer has stays, and
 * is NULL in files to come. Throws LAKE_TYPE_CHANGED where a column has another type than before, and CONFIG_INVALID as `newTable`.
 */
export function grownTable(table: TableShape, fields: readonly LakeField[]): TableShape {
  const own = fieldsOf(table.metadata)
  const known = new Map(own.map(({ name, type }) => [name, type]))
  const changed = fields.filter(({ name, type }) => known.has(name) && !isSameType(known.get(name), type))
  if (changed.length > 0) throw typeChanged(changed, known)
  const added = fields.filter(({ name }) => !known.has(name))
  if (added.length === 0) return table
  const all = [...own, ...added]
  checkNames(all)
  return {
    protocol: protocolFor(all),
    metadata: { ...table.metadata, schemaString: schemaText(all) },
  }
}

/** The columns of a table, that of the partition included. */
export function fieldsOf({ schemaString }: Pick<DeltaMetadata, 'schemaString'>): readonly LakeField[] {
  const { fields }: { readonly fields: readonly LakeField[] } = JSON.parse(schemaString)
  return fields
}

/** The actions that make the table what it is now, where that is another than before. */
export function shapeActions(shape: TableShape, before?: TableShape): readonly DeltaAction[] {
  if (shape === before) return []
  const isKnown = JSON.stringify(shape.protocol) === JSON.stringify(before?.protocol)
  return [...(isKnown ? [] : [{ protocol: shape.protocol }]), { metaData: shape.metadata }]
}

/** Times without a zone are a feature that readers have to know; without them every reader will do. */
function protocolFor(fields: readonly LakeField[]): DeltaProtocol {
  const needsFeature = fields.some(({ type }) => type === 'timestamp_ntz')
  if (!needsFeature) return { minReaderVersion: 1, minWriterVersion: 2 }
  const features = ['timestampNtz']
  return {
    ...{ minReaderVersion: 3, minWriterVersion: 7 },
    ...{ readerFeatures: features, writerFeatures: features },
  }
}

function schemaText(fields: readonly LakeField[]): string {
  return JSON.stringify({
    type: 'struct',
    fields: fields.map(({ name, type }) => ({ name, type, nullable: true, metadata: {} })),
  })
}

const isSameType = (one: DeltaType | undefined, other: DeltaType): boolean =>
  typeText(one) === typeText(other)

const typeText = (type: DeltaType | undefined): string =>
  typeof type === 'object' ? `array of ${type.elementType}` : String(type)

function typeChanged(changed: readonly LakeField[], known: ReadonlyMap<string, DeltaType>): SyncError {
  const changes = changed.map(
    ({ name, type }) => `${name} was ${typeText(known.get(name))} and is ${typeText(type)}`,
  )
  return new SyncError(
    'LAKE_TYPE_CHANGED',
    `Columns have another type than in the lake: ${changes.join('; ')}.`,
    {
      remedy: 'Run it once with --rebuild, which writes every month anew.',
      details: { changes },
    },
  )
}

function checkNames(fields: readonly LakeField[]): void {
  const names = fields.map(({ name }) => name)
  const seen = new Set<string>()
  const wrong = names.filter((name) => {
    const plain = name.toLowerCase()
    const isTwice = seen.has(plain)
    seen.add(plain)
    return isTwice || name === '' || /[ ,;{}()=\u0000-\u001f]/.test(name)
  })
  if (wrong.length === 0) return
  throw new SyncError('CONFIG_INVALID', `Readers of a lake do not take the columns ${wrong.join(', ')}.`, {
    remedy:
      'Leave them out (--without), or rename them: no spaces, commas or brackets, no names that differ only in capitals, none that is month.',
    details: { columns: wrong },
  })
}
