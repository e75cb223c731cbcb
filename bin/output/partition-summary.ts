import { countText, durationText } from '../../lib/domain/quantity-text.js'
import type { PartitionReport } from '../../lib/index.js'
import { wrap } from './wrap.js'

/** What was done with the table, in lines of at most `width` characters where words allow. */
export function partitionSummary(report: PartitionReport, width: number): string {
  const paragraphs = report.dryRun ? planned(report) : done(report)
  return paragraphs.map((text) => `${wrap(text, width - 2, 2)}\n`).join('')
}

function planned(report: PartitionReport): string[] {
  const { table, action, months, rows, bytes, hasDateChecks, before, estimatedSeconds } = report
  if (action === 'months-added') return [`${table} is partitioned by month already, ${sizeOf(report)}.`]
  const form = action === 'partitioned' ? `by ${countText(months)} months` : 'without partitions'
  return [
    `${table} would be rebuilt ${form}: ${countText(rows)} rows, in about ${durationText(estimatedSeconds ?? 0)}.`,
    `It needs ${bytesText(bytes)} more, until ${before ?? 'the table of before'} is dropped.`,
    ...(action === 'partitioned' ? [datesText(hasDateChecks)] : []),
  ]
}

function done(report: PartitionReport): string[] {
  const { table, action, months, views, before, durationSeconds, hasDateChecks } = report
  switch (action) {
    case 'partitioned':
    case 'unpartitioned':
      return [
        action === 'partitioned'
          ? `${table} is partitioned by ${countText(months)} months: ${sizeOf(report)}, in ${durationText(durationSeconds)}.`
          : `${table} is one table without partitions: ${sizeOf(report)}, in ${durationText(durationSeconds)}.`,
        ...(action === 'partitioned' ? [datesText(hasDateChecks)] : []),
        ...(views.length > 0 ? [`Views that read it now: ${views.join(', ')}.`] : []),
        `The table of before is ${before ?? ''}. When nothing reads it any more: chatwoot-sync partition --drop-before ${before ?? ''}`,
      ]
    case 'months-added':
      return [`${table} is partitioned by month; months added: ${countText(months)}.`]
    case 'before-dropped':
      return [`The table of before was dropped; ${table} is as it was.`]
    case 'cancelled':
      return [`Nothing is being built beside ${table} any more.`]
  }
}

const datesText = (hasDateChecks: boolean) =>
  hasDateChecks
    ? 'Queries of conversation_date or conversation_created_at read only the months that they need.'
    : 'Queries of conversation_created_at read only the months that they need. Those of conversation_date read all, as rows have a date that is not near their month.'

const sizeOf = ({ rows, bytes }: PartitionReport) => `${countText(rows)} rows, ${bytesText(bytes)}`

function bytesText(bytes: number): string {
  return bytes < 1_000_000 ? `${countText(bytes / 1000)} kB` : `${countText(bytes / 1_000_000)} MB`
}
