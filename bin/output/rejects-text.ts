import type { RejectedRow, RejectReason, Rejects } from '../../lib/operations/rejects.js'
import { countText } from './number-text.js'
import { wrap } from './wrap.js'

/** Why rows are rejected and which, as lines of at most `width` characters where words allow; one block for each pipeline. */
export function rejectsText({ reasons, rows }: Rejects, width: number): string {
  if (reasons.length === 0) return 'The target has taken every row.\n'
  const pipelines = [...new Set(reasons.map(({ pipeline }) => pipeline))]
  return pipelines
    .map((pipeline) => {
      const why = reasons.filter((reason) => reason.pipeline === pipeline)
      const which = rows.filter((row) => row.pipeline === pipeline)
      const total = why.reduce((sum, reason) => sum + reason.rows, 0)
      const lines = [...why.map(reasonText), ...tail(which, total)]
      const text = lines.map((line) => `  ${wrap(line, width - 4, 4)}\n`).join('')
      return `${wrap(`Pipeline ${pipeline}, rows rejected: ${countText(total)}`, width)}\n${text}`
    })
    .join('\n')
}

function reasonText({ rows, message, sqlState, column }: RejectReason): string {
  const where = column === null ? '' : `, column ${column}`
  return `${countText(rows)}: ${message} (${sqlState}${where})`
}

function tail(rows: readonly RejectedRow[], total: number): string[] {
  if (rows.length === 0) return []
  const keys = rows.map(({ key, attempts }) => (attempts === 1 ? key : `${key} (${attempts} runs)`))
  const more = total > rows.length ? ', ...' : ''
  return [`Keys, the newest first: ${keys.join(', ')}${more}`]
}
