import { spansOf } from '../../domain/quantity-text.js'
import type { ChatwootExport, ExportMetric } from './chatwoot-export.js'

/** A number, or the text of a missed agreement. */
export type ComparedValue = number | string | null

/** The values of one row, ours. */
export type RowNumbers = Readonly<Partial<Record<ExportMetric, ComparedValue>>>

export interface NamedNumbers {
  readonly name: string | null
  readonly numbers: RowNumbers
  /** The numbers with events of conversations that Chatwoot no longer has; undefined where there are none or they could not be counted. */
  readonly withOrphans: RowNumbers | undefined
}

/** Why a number of the export is not ours. */
export type DifferenceReason =
  'orphanEvents' | 'businessHours' | 'lastSecond' | 'nameTwice' | 'notInExport' | 'notInTable' | 'unexplained'

/** One number of the export beside ours. */
export interface ComparedCell {
  /** The name of the row; null in the conversations report, which has one. */
  readonly row: string | null
  /** The header of the column. */
  readonly column: string
  /** As it is in the file; null for a row that the export lacks. */
  readonly exported: string | null
  readonly ours: ComparedValue
  readonly isEqual: boolean
  /** Null where it is equal. */
  readonly reason: DifferenceReason | null
}

/** What ours would be if something else had been asked for. */
export interface Alternative {
  readonly reason: Extract<DifferenceReason, 'businessHours' | 'lastSecond'>
  readonly rows: readonly NamedNumbers[]
}

/**
 * Compares an export with our rows, cell by cell. An agent or a label that we do not know has nothing in the range, which the export writes
 * as zeros; a row of ours that the export lacks is reported where it holds a number.
 */
export function compareExport(
  { columns, rows }: ChatwootExport,
  ours: readonly NamedNumbers[],
  alternatives: readonly Alternative[],
): readonly ComparedCell[] {
  const named = (all: readonly NamedNumbers[], name: string | null) => all.filter((row) => row.name === name)
  const compared = rows.flatMap(({ name, cells }) => {
    const own = named(ours, name)
    const others = alternatives.map(({ reason, rows: all }) => ({ reason, row: named(all, name)[0] }))
    const isTwice = own.length > 1 || rows.filter((row) => row.name === name).length > 1
    return columns.flatMap(({ header, metric }, index): ComparedCell[] => {
      if (metric === undefined) return []
      const exported = cells[index] ?? ''
      const value = valueOf(own[0], metric)
      const cell = { row: name, column: header, exported, ours: value }
      if (isSame(metric, exported, value)) return [{ ...cell, isEqual: true, reason: null }]
      const found = others.find(({ row }) => isSame(metric, exported, valueOf(row, metric)))
      const corrected = own[0]?.withOrphans?.[metric]
      const reason = isTwice
        ? 'nameTwice'
        : corrected !== undefined && isSame(metric, exported, corrected)
          ? 'orphanEvents'
          : value === null && isCount(metric)
            ? 'notInTable'
            : (found?.reason ?? 'unexplained')
      return [{ ...cell, isEqual: false, reason }]
    })
  })
  return [...compared, ...rowsBeside({ columns, rows }, ours)]
}

/** Numbers of rows that the export lacks. */
function rowsBeside(
  { columns, rows }: Pick<ChatwootExport, 'columns' | 'rows'>,
  ours: readonly NamedNumbers[],
): ComparedCell[] {
  const exported = new Set(rows.map(({ name }) => name))
  return ours
    .filter(({ name }) => !exported.has(name))
    .flatMap((row) =>
      columns.flatMap(({ header, metric }): ComparedCell[] => {
        const value = metric === undefined ? null : valueOf(row, metric)
        if (value === null || value === 0 || value === '') return []
        return [
          {
            ...{ row: row.name, column: header, exported: null, ours: value },
            ...{ isEqual: false, reason: 'notInExport' },
          },
        ]
      }),
    )
}

const isCount = (metric: ExportMetric) => metric.endsWith('Count')

function valueOf(row: NamedNumbers | undefined, metric: ExportMetric): ComparedValue {
  if (row) return row.numbers[metric] ?? null
  return isCount(metric) ? 0 : null
}

function isSame(metric: ExportMetric, exported: string, value: ComparedValue): boolean {
  if (typeof value === 'string') return listed(exported) === listed(value)
  if (isCount(metric) || metric === 'rating') return /^\d+$/.test(exported) && Number(exported) === value
  if (metric === 'slaPolicyName' || metric === 'slaMissedTypes') return false
  const spans = spansIn(exported)
  const own = spansOf(Math.trunc(value ?? 0)).slice(0, 2)
  return (
    spans.length === own.length &&
    spans.every(({ count, unit }, index) => count === own[index]?.count && unit === own[index].unit)
  )
}

/** What a list says, whatever its order is and however often it says it. */
const listed = (text: string) => [...new Set(text.split(', '))].sort().join(', ')

/** The initials of the units are the same in the languages whose headers are known. */
function spansIn(text: string): { readonly count: number; readonly unit: string }[] {
  return [...text.matchAll(/(\d+)\s*(\p{L})/gu)]
    .map(([, count, initial = '']) => ({ count: Number(count), unit: initial.toLowerCase() }))
    .filter(({ count }) => count > 0)
}
