import { countText } from '../../lib/domain/quantity-text.js'
import type { ForgetReport } from '../../lib/index.js'
import { wrap } from './wrap.js'

/** What was deleted, or would be, in lines of at most `width` characters where words allow. */
export function forgetSummary(report: ForgetReport, width: number): string {
  const paragraphs = report.undo ? undone(report) : forgotten(report)
  return paragraphs.map((text) => `${wrap(text, width - 2, 2)}\n`).join('')
}

function forgotten(report: ForgetReport): string[] {
  const { contactId, table, dryRun, forgottenAt, rowsOwn, rowsOfOthers, rowsRejected, lakes } = report
  const { rowsInCopies } = report
  const counts = [
    `${countText(rowsOwn)} of its own conversations`,
    `${countText(rowsOfOthers)} of other conversations in which it wrote`,
    ...(rowsRejected === 0 ? [] : [`${countText(rowsRejected)} of rejected rows`]),
    ...(rowsInCopies === 0 ? [] : [`${countText(rowsInCopies)} in copies that partition has made`]),
  ].join(', ')
  if (!dryRun) {
    return [
      `Contact ${contactId} is forgotten. Rows deleted from ${table}: ${counts}.`,
      'Later runs leave the contact out. It is still in Chatwoot, and in backups of both databases.',
      ...lakesText(lakes),
    ]
  }
  return [
    `Contact ${contactId} has these rows in ${table}: ${counts}.`,
    ...(forgottenAt === null ? [] : [`It has been forgotten since ${timeText(forgottenAt)}.`]),
    ...lakes.map(({ lake }) => `The lake ${lake} would be written without them.`),
    'Nothing was changed. With --yes the rows are deleted permanently, and later runs leave the contact out.',
  ]
}

function lakesText(lakes: ForgetReport['lakes']): string[] {
  const texts = lakes.map(({ lake, version, filesRemoved, error }) =>
    error === null
      ? `Lake ${lake}: version ${version} is without them, and ${countText(filesRemoved)} files of earlier versions are removed.`
      : `Lake ${lake} still holds them: ${error} Then run chatwoot-sync lake --to with its place and --vacuum 0s.`,
  )
  const isBucket = lakes.some(({ lake }) => lake.includes('://'))
  return isBucket
    ? [
        ...texts,
        'A bucket that keeps versions of its objects still has the files until its own rules remove them.',
      ]
    : texts
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
