import type { SyncReport } from '../../lib/index.js'
import { shortCount, shortDuration } from './number-text.js'
import { printable, wrap } from './wrap.js'

const heads = ['Started (UTC)', 'Load', 'Result', 'New', 'Upd.', 'Gone', 'Time'] as const
/** Numbers and times are aligned to the right. */
const firstRight = 3

/** Runs as a table of less than 60 columns, one block for each pipeline; under a run what went wrong or should be known. */
export function runTable(runs: readonly SyncReport[], width: number): string {
  if (runs.length === 0) return 'There was no run yet.\n'
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
  const told = new Set<string>()
  const lines = runs.flatMap((run, index) => [line(rows[index] ?? []), ...remarks(run, told, width)])
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

/** What was told of a newer run already is only named: most warnings hold until somebody does something. */
function remarks(
  { errorMessage, errorCode, warnings }: SyncReport,
  told: Set<string>,
  width: number,
): string[] {
  const failure = errorMessage === null ? [] : [`${errorMessage} (${errorCode ?? ''})`]
  const known = warnings.map(({ code, message }) => {
    if (told.has(message)) return `Warning: as above (${code})`
    told.add(message)
    return `Warning: ${message} (${code})`
  })
  return [...failure, ...known].map((text) => `  ${wrap(text, width - 4, 4)}`)
}
