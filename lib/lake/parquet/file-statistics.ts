import { outOfRangeColumn, type LakeColumn } from './lake-columns.js'

/** What Delta notes of a file: lower and upper bounds and NULLs of columns that hold no texts, so that the log names nobody. */
export interface FileStatistics {
  readonly numRecords: number
  readonly minValues: Readonly<Record<string, Bound>>
  readonly maxValues: Readonly<Record<string, Bound>>
  readonly nullCount: Readonly<Record<string, number>>
}

type Bound = string | number

/** As many columns as readers and other writers of Delta look at; the log stays small. */
const mostColumns = 32

interface Facts {
  readonly min?: string
  readonly max?: string
  readonly null_count?: string
}

/** Reads what DuckDB returns of a file that it has written. */
export function fileStatistics(
  row: Readonly<Record<string, unknown>> | undefined,
  columns: readonly LakeColumn[],
): { readonly rows: number; readonly rowsOutOfRange: number; readonly stats: FileStatistics } {
  const rows = Number(row?.['count'])
  const facts = factsOf(row?.['column_statistics'])
  const minValues: Record<string, Bound> = {}
  const maxValues: Record<string, Bound> = {}
  const nullCount: Record<string, number> = {}
  for (const { name, isList, deltaType } of columns.slice(0, mostColumns)) {
    const found = facts.get(keyOf(name))
    if (isList || found?.null_count === undefined) continue
    nullCount[name] = Number(found.null_count)
    const min = boundOf(found.min, deltaType, 'lower')
    const max = boundOf(found.max, deltaType, 'upper')
    if (min === undefined || max === undefined) continue
    minValues[name] = min
    maxValues[name] = max
  }
  const within = facts.get(keyOf(outOfRangeColumn))?.null_count
  return {
    rows,
    rowsOutOfRange: within === undefined ? 0 : rows - Number(within),
    stats: { numRecords: rows, minValues, maxValues, nullCount },
  }
}

const keyOf = (name: string) => `"${name.replaceAll('"', '""')}"`

/** Maps are lists of pairs. */
function factsOf(statistics: unknown): ReadonlyMap<string, Facts> {
  return new Map(pairsOf(statistics).map(([name, facts]) => [name, Object.fromEntries(pairsOf(facts))]))
}

function pairsOf(map: unknown): [string, unknown][] {
  if (!Array.isArray(map)) return []
  return map.map((pair: { readonly key: string; readonly value: unknown }) => [pair.key, pair.value])
}

function boundOf(text: string | undefined, type: string, side: 'lower' | 'upper'): Bound | undefined {
  if (text === undefined) return undefined
  switch (type) {
    case 'short':
    case 'integer':
      return Number(text)
    case 'long':
      // JSON numbers of other readers are exact only so far.
      return Number.isSafeInteger(Number(text)) ? Number(text) : undefined
    case 'date':
      return text
    case 'timestamp':
    case 'timestamp_ntz':
      return millisecondBound(text, type, side)
    default:
      return undefined
  }
}

/** Bounds are in milliseconds, so a microsecond beyond one makes it the next. */
function millisecondBound(text: string, type: string, side: 'lower' | 'upper'): string | undefined {
  const found = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?(?:\+00(?::00)?)?$/.exec(text)
  if (!found) return undefined
  const [, day = '', time = '', fraction = ''] = found
  const micros = Number(fraction.padEnd(6, '0'))
  const second = Date.parse(`${day}T${time}Z`)
  const millis = side === 'lower' ? Math.floor(micros / 1000) : Math.ceil(micros / 1000)
  const bound = new Date(second + millis)
  if (bound.getUTCFullYear() > 9999) return undefined
  const iso = bound.toISOString()
  return type === 'timestamp' ? iso : iso.slice(0, -1)
}
