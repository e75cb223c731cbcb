import { printable } from '../../lib/domain/printable.js'
import { durationText } from '../../lib/domain/quantity-text.js'
import type { SyncReport } from '../../lib/index.js'
import { wrap } from './wrap.js'

const heads = ['Started (UTC)', 'Load', 'Result', 'New', 'Upd.', 'Del.', 'Time'] as const
/** Numbers and times are aligned to the right. */
const firstRight = 3

/** Runs as a table of less than 60 columns, a block for each pipeline; under each run its error and warnings. */
export function runTable(runs: readonly SyncReport[], width: number): string {
  if (runs.length === 0) return 'No runs yet.\n'
  const pipelines = [...new Set(runs.map(({ pipeline }) => pipeline))]
  return pipelines
    .map((pipeline) => {
      const own = runs.filter((run) => run.pipeline === pipeline)
      return `Pipeline ${printable(pipeline)}\n${block(own, width)}`
    })
    .join('\n')
}

function block(runs: readonly SyncReport[], width: number): string {
  const rows = runs.map(cellsOf)
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((cells) => cells[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column < firstRight ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  const shown = new Set<string>()
  const lines = runs.flatMap((run, index) => [line(rows[index] ?? []), ...remarks(run, shown, width)])
  return [line(heads), ...lines].map((text) => `${text}\n`).join('')
}

function cellsOf(run: SyncReport): string[] {
  const { startedAt, loadType, status, rowsInserted, rowsUpdated, rowsDeleted, durationSeconds } = run
  return [
    startedAt.slice(0, 16),
    loadType === 'full' ? 'full' : 'incr',
    status,
    shortCount(rowsInserted),
    shortCount(rowsUpdated),
    shortCount(rowsDeleted),
    durationSeconds === null ? '' : shortDuration(durationSeconds),
  ]
}

/** A warning that a newer run has shown in full is only named, because most persist until somebody acts. */
function remarks(
  { errorMessage, errorCode, warnings }: SyncReport,
  shown: Set<string>,
  width: number,
): string[] {
  const failure = errorMessage === null ? [] : [`${errorMessage} (${errorCode ?? ''})`]
  const known = warnings.map(({ code, message }) => {
    if (shown.has(message)) return `Warning: as above (${code})`
    shown.add(message)
    return `Warning: ${message} (${code})`
  })
  return [...failure, ...known].map((text) => `  ${wrap(text, width - 4, 4)}`)
}

/** A count in at most four characters: rounded from 10,000 on, as 12K or 1.2M. */
function shortCount(value: number): string {
  if (value < 10_000) return String(value)
  const [scaled, unit] =
    value < 999_500 ? [value / 1e3, 'K'] : value < 999_500_000 ? [value / 1e6, 'M'] : [value / 1e9, 'B']
  return `${scaled < 10 ? scaled.toFixed(1).replace('.0', '') : Math.round(scaled)}${unit}`
}

/** A duration in one unit: 0.42 s, 12 s, 3 min, 1.1 h. */
function shortDuration(seconds: number): string {
  if (seconds < 60) return durationText(seconds)
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
