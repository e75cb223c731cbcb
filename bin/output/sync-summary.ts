import type { SyncReport } from '../../lib/index.js'
import { countText, durationText } from './number-text.js'
import { wrap } from './wrap.js'

/** What a run did, in plain words, as lines of at most `width` characters where words allow. */
export function syncSummary(report: SyncReport, width: number): string {
  const { dryRun, loadType, rowsExtracted, durationSeconds, watermarkEnd, reason, warnings } = report
  const name = loadType === 'full' ? 'Full load' : 'Incremental load'
  const took = durationSeconds === null ? '' : ` in ${durationText(durationSeconds)}`
  const paragraphs = [
    `${name}${dryRun ? ', dry run,' : ''} done${took}: ${countText(rowsExtracted)} rows read.`,
    dryRun ? rehearsalText(report) : `${countsText(report) ?? 'Nothing changed'}.`,
    ...(watermarkEnd === null ? [] : [`The source was read as of ${watermarkEnd} UTC.`]),
    ...(reason === null ? [] : [`Why this way: ${reason}.`]),
    ...warnings.map(({ code, message }) => `Warning: ${message} (${code})`),
  ]
  return paragraphs.map((text) => `${wrap(text, width - 2, 2)}\n`).join('')
}

function rehearsalText(report: SyncReport): string {
  const counts = countsText(report)
  return `${counts === undefined ? 'Nothing would change' : `Would be: ${counts}`}. Nothing was written.`
}

/** Rows by outcome; what there was none of is left out. Undefined when there was nothing at all. */
function countsText(report: SyncReport): string | undefined {
  const outcomes: [number, string][] = [
    [report.rowsInserted, 'inserted'],
    [report.rowsUpdated, 'updated'],
    [report.rowsUnchanged, 'unchanged'],
    [report.rowsRejected, 'rejected'],
    [report.rowsDeleted, 'marked deleted'],
  ]
  const some = outcomes.filter(([count]) => count > 0).map(([count, what]) => `${countText(count)} ${what}`)
  return some.length > 0 ? some.join(', ') : undefined
}
