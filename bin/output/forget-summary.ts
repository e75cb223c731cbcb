import type { ForgetReport } from '../../lib/index.js'
import { countText } from './number-text.js'
import { wrap } from './wrap.js'

/** What was deleted, or would be, in plain words, as lines of at most `width` characters where words allow. */
export function forgetSummary(report: ForgetReport, width: number): string {
  const paragraphs = report.undo ? undone(report) : forgotten(report)
  return paragraphs.map((text) => `${wrap(text, width - 2, 2)}\n`).join('')
}

function forgotten(report: ForgetReport): string[] {
  const { contactId, table, dryRun, forgottenAt, rowsOwn, rowsOfOthers, rowsRejected } = report
  const rejected = rowsRejected === 0 ? '' : `, and of rejected rows ${countText(rowsRejected)}`
  const rows = `${countText(rowsOwn)} of its own and ${countText(rowsOfOthers)} of others in which it wrote${rejected}`
  if (!dryRun) return [`Contact ${contactId} is forgotten. Rows deleted from ${table}: ${rows}.`, later]
  return [
    `Contact ${contactId}: rows in ${table}: ${rows}.`,
    ...(forgottenAt === null ? [] : [`It is forgotten since ${forgottenAt.slice(0, 19)}.`]),
    'Nothing was changed. With --yes they are deleted for good, and later runs leave the contact out.',
  ]
}

const later = 'Later runs leave the contact out. It is still in Chatwoot, and in backups of both databases.'

function undone({ contactId, dryRun, forgottenAt }: ForgetReport): string[] {
  if (dryRun && forgottenAt === null) return [`Contact ${contactId} is not forgotten.`]
  if (dryRun) {
    const since = forgottenAt?.slice(0, 19) ?? ''
    return [`Contact ${contactId} is forgotten since ${since}. With --yes, later runs read it again.`]
  }
  return [
    `Contact ${contactId} is not forgotten any more. Run chatwoot-sync sync --full to load its conversations.`,
  ]
}
