import { countText } from '../../lib/domain/quantity-text.js'
import type { ForgetReport } from '../../lib/index.js'
import { wrap } from './wrap.js'

/** What was deleted, or would be, in lines of at most `width` characters where words allow. */
export function forgetSummary(report: ForgetReport, width: number): string {
  const paragraphs = report.undo ? undone(report) : forgotten(report)
  return paragraphs.map((text) => `${wrap(text, width - 2, 2)}\n`).join('')
}

function forgotten(report: ForgetReport): string[] {
  const { contactId, table, dryRun, forgottenAt, rowsOwn, rowsOfOthers, rowsRejected } = report
  const counts = [
    `${countText(rowsOwn)} of its own conversations`,
    `${countText(rowsOfOthers)} of other conversations in which it wrote`,
    ...(rowsRejected === 0 ? [] : [`${countText(rowsRejected)} of rejected rows`]),
  ].join(', ')
  if (!dryRun) {
    return [
      `Contact ${contactId} is forgotten. Rows deleted from ${table}: ${counts}.`,
      'Later runs leave the contact out. It is still in Chatwoot, and in backups of both databases.',
    ]
  }
  return [
    `Contact ${contactId} has these rows in ${table}: ${counts}.`,
    ...(forgottenAt === null ? [] : [`It has been forgotten since ${timeText(forgottenAt)}.`]),
    'Nothing was changed. With --yes the rows are deleted permanently, and later runs leave the contact out.',
  ]
}

function undone({ contactId, dryRun, forgottenAt }: ForgetReport): string[] {
  if (dryRun && forgottenAt === null) return [`Contact ${contactId} is not forgotten.`]
  if (dryRun) {
    const since = forgottenAt === null ? '' : timeText(forgottenAt)
    return [`Contact ${contactId} has been forgotten since ${since}. With --yes, later runs read it again.`]
  }
  return [
    `Contact ${contactId} is no longer forgotten. Run chatwoot-sync sync --full to load its conversations.`,
  ]
}

/** To the second. */
function timeText(time: string): string {
  return time.slice(0, 19)
}
