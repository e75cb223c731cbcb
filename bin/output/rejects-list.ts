import { countText } from '../../lib/domain/quantity-text.js'
import type { RejectedRow, RejectReason, Rejects } from '../../lib/index.js'
import { wrap } from './wrap.js'

/** Why rows were rejected and which, in lines of at most `width` characters where words allow; a block for each pipeline. */
export function rejectsList({ reasons, rows }: Rejects, width: number): string {
  if (reasons.length === 0) return 'No rows are rejected.\n'
  const pipelines = [...new Set(reasons.map(({ pipeline }) => pipeline))]
  return pipelines
    .map((pipeline) => {
      const ownReasons = reasons.filter((reason) => reason.pipeline === pipeline)
      const ownRows = rows.filter((row) => row.pipeline === pipeline)
      const total = ownReasons.reduce((sum, reason) => sum + reason.rows, 0)
      const lines = [...ownReasons.map(reasonText), ...keysText(ownRows, total)]
      const text = lines.map((line) => `  ${wrap(line, width - 4, 4)}\n`).join('')
      return `${wrap(`Pipeline ${pipeline}, rows rejected: ${countText(total)}`, width)}\n${text}`
    })
    .join('\n')
}

function reasonText({ rows, message, sqlState, column }: RejectReason): string {
  const where = column === null ? '' : `, column ${column}`
  return `${countText(rows)}: ${message} (${sqlState}${where})`
}

function keysText(rows: readonly RejectedRow[], total: number): string[] {
  if (rows.length === 0) return []
  const keys = rows.map(({ key, attempts }) => (attempts === 1 ? key : `${key} (${attempts} runs)`))
  const more = total > rows.length ? ', ...' : ''
  return [`Keys, newest first: ${keys.join(', ')}${more}`]
}
