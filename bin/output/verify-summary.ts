import { differencesLeft, type VerifyReport } from '../../lib/index.js'
import { countText, durationText } from './number-text.js'
import { wrap } from './wrap.js'

/** What a comparison found, in plain words, as lines of at most `width` characters where words allow. */
export function verifySummary(report: VerifyReport, width: number): string {
  const { rowsCompared, durationSeconds, sample, sourceTime, rowsPending, rowsRejected } = report
  const part = sample < 1 ? ` of a sample of ${Number((sample * 100).toFixed(3))}%` : ''
  const paragraphs = [
    `${countText(rowsCompared)} rows${part} compared in ${durationText(durationSeconds)}.`,
    ...(sourceTime === null ? [] : [`The source was read as of ${sourceTime} UTC.`]),
    ...differencesText(report),
    ...(rowsPending > 0
      ? [`Pending: ${countText(rowsPending)}. They changed since the last run, and the next one reads them.`]
      : []),
    ...(rowsRejected > 0
      ? [`Rejected: ${countText(rowsRejected)}. The target cannot take them; chatwoot-sync rejects says why.`]
      : []),
  ]
  return paragraphs.map((text) => `${wrap(text, width - 2, 2)}\n`).join('')
}

const keysShown = 10

function differencesText(report: VerifyReport): string[] {
  const { rowsMissing, rowsStale, rowsExtra, rowsSilent, rowsRepaired, differingColumns, differingKeys } =
    report
  const found = rowsMissing + rowsStale + rowsExtra
  if (found === 0) return ['No differences.']
  const columns = Object.entries(differingColumns).map(([name, count]) => `${name} ${countText(count)}`)
  const keys = differingKeys.slice(0, keysShown).map(printable)
  const more = found > keys.length ? ', ...' : ''
  const left = differencesLeft(report)
  return [
    `Differences: ${countText(rowsMissing)} missing, ${countText(rowsStale)} stale, ${countText(rowsExtra)} extra.`,
    ...(rowsSilent > 0
      ? [`Silent, that is without a change stamp that moved: ${countText(rowsSilent)}.`]
      : []),
    ...(columns.length > 0 ? [`Columns that differ: ${columns.join(', ')}.`] : []),
    `Keys: ${keys.join(', ')}${more}`,
    ...(rowsRepaired > 0 ? [`Repaired: ${countText(rowsRepaired)}.`] : []),
    ...(left > 0 ? [`Left: ${countText(left)}.${rowsRepaired > 0 ? '' : ' Mend them with --repair.'}`] : []),
  ]
}

/** Keys of a relation of the user's own can be any text. */
function printable(key: string): string {
  return /^[\w.:-]+$/.test(key) ? key : JSON.stringify(key)
}
