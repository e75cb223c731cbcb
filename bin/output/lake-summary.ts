import { countText, durationText } from '../../lib/domain/quantity-text.js'
import type { LakeReport } from '../../lib/index.js'
import { wrap } from './wrap.js'

/** What was done with a lake, in lines of at most `width` characters where words allow. */
export function lakeSummary(report: LakeReport, width: number): string {
  const paragraphs = report.differences === null ? written(report) : checked(report, report.differences)
  return paragraphs.map((text) => `${wrap(text, width - 2, 2)}\n`).join('')
}

function written(report: LakeReport): string[] {
  const { version, committed, reason, months, rowsWritten, bytesWritten, durationSeconds, vacuumed } = report
  const what = committed
    ? `Version ${version}: ${countText(rowsWritten)} rows of ${monthsText(months)} written, ${bytesText(bytesWritten)}, in ${durationText(durationSeconds)} (${reason}).`
    : `Nothing has changed since version ${version}.`
  return [
    what,
    `The lake equals the table as of ${secondsOf(report.equalAt)} UTC: ${totals(report)}.`,
    ...(vacuumed === null
      ? []
      : [`Removed: ${countText(vacuumed.files)} files, ${bytesText(vacuumed.bytes)}.`]),
  ]
}

function checked(
  { version, equalAt, ...totalled }: LakeReport,
  differences: NonNullable<LakeReport['differences']>,
) {
  if (version === null) return ['There is no lake yet.']
  if (differences.length === 0) {
    return [`Version ${version} equals the table as of ${secondsOf(equalAt)} UTC: ${totals(totalled)}.`]
  }
  const lines = differences.slice(0, monthsShown).map(({ month, rowsInTable, rowsInLake, kind }) => {
    return `${month}: ${countText(rowsInTable)} rows in the table, ${countText(rowsInLake)} in the lake (${kinds[kind]}).`
  })
  const more =
    differences.length > monthsShown ? [`And ${differences.length - monthsShown} more months.`] : []
  const isPending = differences.every(({ kind }) => kind === 'pending')
  const remedy = isPending
    ? 'The next chatwoot-sync lake writes them.'
    : 'Run it with --repair, which writes them.'
  return [
    `Version ${version} differs in ${monthsText(differences.map(({ month }) => month))}.`,
    ...lines,
    ...more,
    remedy,
  ]
}

const monthsShown = 12

const kinds = {
  pending: 'changed since',
  unmarked: 'changed without a mark',
  'file-missing': 'a file is missing',
} as const

/** What `lake --unregister` has done. */
export function unregisteredText(
  { lake, unregistered }: { readonly lake: string; readonly unregistered: boolean },
  width: number,
): string {
  const text = unregistered
    ? `${lake} is no longer kept up to date. Its files stay.`
    : `${lake} is not registered.`
  return `${wrap(text, width - 2, 2)}\n`
}

function totals({
  rowsTotal,
  filesTotal,
  bytesTotal,
}: Pick<LakeReport, 'rowsTotal' | 'filesTotal' | 'bytesTotal'>) {
  return `${countText(rowsTotal)} rows in ${countText(filesTotal)} files, ${bytesText(bytesTotal)}`
}

function monthsText(months: readonly string[]): string {
  const [first = '', ...others] = months
  if (others.length === 0) return first
  return `${countText(months.length)} months (${first} to ${others.at(-1)})`
}

function bytesText(bytes: number): string {
  return bytes < 1_000_000 ? `${countText(bytes / 1000)} kB` : `${countText(bytes / 1_000_000)} MB`
}

const secondsOf = (time: string | null) => time?.slice(0, 19) ?? ''
