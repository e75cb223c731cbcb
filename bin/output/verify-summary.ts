import { differencesLeft } from '../../lib/domain/verification.js'
import { countText, durationText } from '../../lib/domain/quantity-text.js'
import type { VerifyReport } from '../../lib/index.js'
import { wrap } from './wrap.js'

/** What a comparison found, in lines of at most `width` characters where words allow. */
export function verifySummary(report: VerifyReport, width: number): string {
  const { rowsCompared, durationSeconds, sample, sourceTime, rowsPending, rowsRejected } = report
  const part = sample < 1 ? ` of a ${Number((sample * 100).toFixed(3))}% sample` : ''
  const paragraphs = [
    `${countText(rowsCompared)} rows${part} compared in ${durationText(durationSeconds)}.`,
    ...(sourceTime === null ? [] : [`Source read as of ${sourceTime} UTC.`]),
    ...differencesText(report),
    ...(rowsPending > 0
      ? [`Pending: ${countText(rowsPending)}, changed since the last run; the next run reads them.`]
      : []),
    ...(rowsRejected > 0
      ? [`Rejected: ${countText(rowsRejected)}; see chatwoot-sync rejects for the reasons.`]
      : []),
  ]
  return paragraphs.map((text) => `${wrap(text, width - 2, 2)}\n`).join('')
}

const keysShown = 10

function differencesText(report: VerifyReport): string[] {
  const { rowsMissing, rowsStale, rowsExtra, rowsDouble, rowsSilent, rowsRepaired } = report
  const { differingColumns, differingKeys } = report
  const found = rowsMissing + rowsStale + rowsExtra + rowsDouble
  const doubles = rowsDouble > 0 ? `, ${countText(rowsDouble)} double` : ''
  if (found === 0) return ['No differences.']
  const columns = Object.entries(differingColumns).map(([name, count]) => `${name} ${countText(count)}`)
  const keys = differingKeys.slice(0, keysShown).map(shownKey)
  const more = found > keys.length ? ', ...' : ''
  return [
    `Differences: ${countText(rowsMissing)} missing, ${countText(rowsStale)} stale, ${countText(rowsExtra)} extra${doubles}.`,
    ...(rowsSilent > 0
      ? [`Silent changes, which updated no timestamp in Chatwoot: ${countText(rowsSilent)}.`]
      : []),
    ...(columns.length > 0 ? [`Columns that differ: ${columns.join(', ')}.`] : []),
    `Keys: ${keys.join(', ')}${more}`,
    ...(rowsRepaired > 0 ? [`Repaired: ${countText(rowsRepaired)}.`] : []),
    ...remainText(differencesLeft(report), rowsRepaired > 0),
  ]
}

function remainText(left: number, repaired: boolean): string[] {
  if (left === 0) return []
  const what = left === 1 ? '1 difference remains' : `${countText(left)} differences remain`
  return [repaired ? `${what}.` : `${what}; run with --repair.`]
}

/** The key of a custom relation can be any text. */
function shownKey(key: string): string {
  return /^[\w.:-]+$/.test(key) ? key : JSON.stringify(key)
}
