import type { ChatwootReport } from '../../lib/index.js'

/** The table of the report as CSV, else its cards: numbers as they are, times in seconds, a cell without a number empty. */
export function reportCsv({ by, rows, cards }: ChatwootReport): string {
  if (by === null) return lines([Object.keys(cards), Object.values(cards)])
  const numbers = [
    'conversationsCount',
    'resolvedConversationsCount',
    'avgFirstResponseTime',
    'avgResolutionTime',
    'avgReplyTime',
  ] as const
  const cells = rows.map((row) => [row.id, row.name, ...numbers.map((name) => row[name])])
  return lines([['id', 'name', ...numbers], ...cells])
}

const lines = (rows: readonly (readonly (string | number | null)[])[]) =>
  rows.map((cells) => `${cells.map(cellText).join(',')}\n`).join('')

/** A spreadsheet takes what begins with such a character for a formula. */
function cellText(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = /^[=+\-@]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
