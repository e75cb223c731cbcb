import { countText, durationText } from '../../lib/domain/quantity-text.js'
import type { SyncReport } from '../../lib/index.js'
import { wrap } from './wrap.js'

/** What a run did, in lines of at most `width` characters where words allow. */
export function syncSummary(report: SyncReport, width: number): string {
  const { dryRun, loadType, rowsExtracted, durationSeconds, watermarkEnd, reason, warnings } = report
  const name = loadType === 'full' ? 'Full load' : 'Incremental load'
  const time = durationSeconds === null ? '' : ` in ${durationText(durationSeconds)}`
  const paragraphs = [
    `${name}${dryRun ? ' (dry run)' : ''} done${time}: ${countText(rowsExtracted)} rows read.`,
    dryRun ? dryRunText(report) : `${countsText(report) ?? 'Nothing changed'}.`,
    ...(watermarkEnd === null ? [] : [asOf(report)]),
    ...(reason === null ? [] : [`Reason: ${reason}.`]),
    ...warnings.map(({ code, message }) => `Warning: ${message} (${code})`),
  ]
  return paragraphs.map((text) => `${wrap(text, width - 2, 2)}\n`).join('')
}

/** What the run has left to a scan is older than the rest. */
function asOf({ watermarkEnd, watermarkIndexed }: SyncReport): string {
  if (watermarkIndexed === null || watermarkIndexed === watermarkEnd)
    return `Source read as of ${watermarkEnd} UTC.`
  return `Source read as of ${watermarkIndexed} UTC; what only a scan shows, as of ${watermarkEnd} UTC.`
}

function dryRunText(report: SyncReport): string {
  const counts = countsText(report)
  return `${counts === undefined ? 'Nothing would change' : `Would be: ${counts}`}. Nothing was written.`
}

/** Rows by outcome, without those that are zero; undefined when all are. */
function countsText(report: SyncReport): string | undefined {
  const outcomes: [number, string][] = [
    [report.rowsInserted, 'inserted'],
    [report.rowsUpdated, 'updated'],
    [report.rowsUnchanged, 'unchanged'],
    [report.rowsRejected, 'rejected'],
    [report.rowsDeleted, 'soft-deleted'],
  ]
  const some = outcomes.filter(([count]) => count > 0).map(([count, what]) => `${countText(count)} ${what}`)
  return some.length > 0 ? some.join(', ') : undefined
}
