import type { DeltaFile } from '../delta/actions.js'
import { notesOf } from './file-notes.js'

/** Rows of one day of the table. */
export interface Day {
  readonly month: string
  readonly day: string
  readonly rows: number
  readonly digest: string
  /** A column that is new in the lake has a value. */
  readonly isFilled: boolean
}

/** A file that is to be written. */
export interface Part {
  readonly month: string
  /** Undefined for the whole month. */
  readonly day: string | undefined
  readonly rows: number
  readonly digest: string
}

export interface FilePlan {
  readonly write: readonly Part[]
  readonly remove: readonly DeltaFile[]
  /** Of either, in order. */
  readonly months: readonly string[]
}

export interface Planning {
  /** Of the lake as it is. */
  readonly files: Iterable<DeltaFile>
  /** What the table holds of the months that are examined. */
  readonly days: readonly Day[]
  readonly examined: ReadonlySet<string> | 'all'
  /** Months that are still changing. */
  readonly newest: ReadonlySet<string>
  /** Rows from which such a month is written day by day. */
  readonly dailyFrom: number
  /** Writes what is equal as well. */
  readonly isRewritten: boolean
  /** Paths of files that are no longer there. */
  readonly missing: ReadonlySet<string>
}

/** Which files bring the months that are examined to the content of the table. Files of an archive stay. */
export function planFiles(planning: Planning): FilePlan {
  const { days, examined } = planning
  const held = new Map<string, DeltaFile[]>()
  for (const file of planning.files) {
    const { month, isArchived } = notesOf(file)
    if (isArchived || (examined !== 'all' && !examined.has(month))) continue
    held.set(month, [...(held.get(month) ?? []), file])
  }
  const months = [...new Set([...held.keys(), ...days.map(({ month }) => month)])].sort()
  const plans = months.map((month) =>
    planMonth(
      planning,
      held.get(month) ?? [],
      days.filter((day) => day.month === month),
    ),
  )
  const write = plans.flatMap((plan) => plan.write)
  const remove = plans.flatMap((plan) => plan.remove)
  const changed = new Set([...write, ...remove.map(notesOf)].map(({ month }) => month))
  return { write, remove, months: [...changed].sort() }
}

function planMonth(planning: Planning, files: readonly DeltaFile[], days: readonly Day[]) {
  const isRewritten = planning.isRewritten || days.some(({ isFilled }) => isFilled)
  const isThere = files.every(({ path }) => !planning.missing.has(path))
  if (!isRewritten && isThere && isEqual(files, days)) return { write: [], remove: [] }
  const parts = partsOf(planning, days)
  const kept = new Set<DeltaFile>()
  const write = parts.filter((part) => {
    const file = files.find((other) => isFileOf(part, other) && !planning.missing.has(other.path))
    if (file === undefined || isRewritten) return true
    kept.add(file)
    return false
  })
  return { write, remove: files.filter((file) => !kept.has(file)) }
}

/** Whether the files of a month hold what the table does, in whatever files; the digests of parts add up to that of the whole. */
export function isEqual(files: readonly DeltaFile[], days: readonly Day[]): boolean {
  const notes = files.map(notesOf)
  if (notes.some(({ digest }) => digest === undefined)) return false
  return rowsIn(notes) === rowsIn(days) && digestIn(notes) === digestIn(days)
}

export const rowsIn = (parts: readonly { readonly rows: number }[]): number =>
  parts.reduce((sum, { rows }) => sum + rows, 0)

const digestIn = (parts: readonly { readonly digest?: string | undefined }[]): bigint =>
  parts.reduce((sum, { digest = '0' }) => sum + BigInt(digest), 0n)

function partsOf({ newest, dailyFrom }: Planning, days: readonly Day[]): Part[] {
  const [first] = days
  if (first === undefined) return []
  const { month } = first
  const rows = rowsIn(days)
  if (!newest.has(month) || rows < dailyFrom) {
    return [{ month, day: undefined, rows, digest: String(digestIn(days)) }]
  }
  return days.map(({ day, rows: ofDay, digest }) => ({ month, day, rows: ofDay, digest }))
}

function isFileOf(part: Part, file: DeltaFile): boolean {
  const notes = notesOf(file)
  return notes.day === part.day && notes.rows === part.rows && notes.digest === part.digest
}

/** The newest two of the months that have begun, by the clock of the server: a row may have a time of the far future. */
export function newestMonths(days: readonly Pick<Day, 'month'>[], now: string): ReadonlySet<string> {
  const begun = [...new Set(days.map(({ month }) => month))].filter((month) => month <= now)
  return new Set(begun.sort().slice(-2))
}
