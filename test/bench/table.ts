import type { Cost } from './contest.js'
import type { Finding } from './findings.js'

/** The cases beside their bars. */
export function findingsTable(findings: readonly Finding[]): string {
  const rows = findings.map(({ name, value, unit, ratio, bar, met }) => [
    name,
    `${rounded(value)} ${unit}`,
    ratio === null ? '' : ratio.toFixed(2),
    bar,
    met === null ? '' : met ? 'yes' : 'NO',
  ])
  return table(['case', 'median', 'ratio', 'bar', 'met'], rows)
}

/** What every strategy took, ours and others'. */
export function costsTable(costs: readonly Cost[]): string {
  const rows = costs.map((cost) => [
    cost.name,
    String(cost.rows),
    rounded(cost.milliseconds),
    `${rounded(Math.min(...cost.samples))}-${rounded(Math.max(...cost.samples))}`,
    (cost.cpuMilliseconds / 1000).toFixed(2),
    megabytes(cost.walBytes),
    megabytes(cost.sourceBytes),
    `${cost.sourceTrips} + ${cost.targetTrips}`,
  ])
  const head = [
    'strategy',
    'rows',
    'median ms',
    'from-to',
    'CPU s',
    'WAL MB',
    'read MB',
    'trips source + target',
  ]
  return table(head, rows)
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(bytes < 1e5 ? 3 : 1)

const rounded = (value: number) =>
  value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)

/** Texts to the left; everything that begins with a digit to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) =>
    Math.max(...[head, ...rows].map((row) => (row[at] ?? '').length), title.length),
  )
  const isNumber = head.map((_, at) => rows.every((row) => /^[\d.]*( \w+(\/\w+)?)?$/.test(row[at] ?? '')))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (isNumber[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}
