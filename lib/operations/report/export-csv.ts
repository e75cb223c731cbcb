import type { ReportGroup } from '../../domain/chatwoot-report.js'
import { SyncError } from '../../domain/errors.js'
import { periodOf, plainHeader, type ChatwootExport, type ExportMetric } from './chatwoot-export.js'
import { readListExport } from './list-exports.js'

/** Words of the headers in English and Portuguese, without accents; the first that fits counts. */
const metrics: readonly (readonly [ExportMetric, RegExp])[] = [
  ['avgFirstResponseTime', /first response|primeira resposta/],
  ['resolutionsCount', /resolutions? count|(contagem|quantidade) de resolu/],
  ['avgResolutionTime', /resolution time|tempo.* de resolucao/],
  ['replyTime', /waiting time|reply time|espera do cliente|tempo medio de resposta/],
  ['incomingMessagesCount', /incoming|messages received|recebidas/],
  ['outgoingMessagesCount', /outgoing|messages sent|enviadas/],
  ['conversationsCount', /conversations|conversas/],
]

const groups: readonly (readonly [ReportGroup, RegExp])[] = [
  ['agent', /^(agent name|nome do agente)$/],
  ['inbox', /^(inbox name|nome da caixa de entrada)$/],
  ['team', /^(team name|nome do time)$/],
  ['label', /^(label|etiqueta)$/],
]

/**
 * Reads a CSV that Chatwoot's report pages have exported, in English or Portuguese, as it is or saved again by a spreadsheet. Throws
 * CONFIG_INVALID for a text without the header of one.
 */
export function readExport(text: string): ChatwootExport {
  const lines = parseCsv(text.replace(/^\uFEFF/, '')).filter((cells) => cells.some((cell) => cell !== ''))
  const list = readListExport(lines)
  if (list) return list
  const head = lines.findIndex((cells) => cells.filter((cell) => metricOf(cell) !== undefined).length > 1)
  const headers = lines[head]
  if (!headers) throw notAnExport()
  const group = groups.find(([, words]) => words.test(plainHeader(headers[0] ?? '')))?.[0]
  const columns = headers.map((header, index) => ({
    header,
    metric: group !== undefined && index === 0 ? undefined : metricOf(header),
  }))
  const rows = lines
    .slice(head + 1)
    .filter((cells) => cells.length > 1)
    .map((cells) => ({ name: group === undefined ? null : nameIn(cells[0] ?? ''), cells }))
  return { of: group ?? 'account', columns, rows, period: periodOf(lines) }
}

function notAnExport(): SyncError {
  return new SyncError('CONFIG_INVALID', 'The file to compare with has no header of a report of Chatwoot.', {
    remedy:
      'Download it from the page of conversations, agents, inboxes, teams, labels, traffic, CSAT or SLA, in English or Portuguese.',
  })
}

const metricOf = (header: string) => metrics.find(([, words]) => words.test(plainHeader(header)))?.[0]

/** Chatwoot puts a quote before what a spreadsheet would take for a formula. */
const nameIn = (cell: string) => cell.replace(/^'(?=[=+\-@|%])/, '')

/** The cells of each line; separated by commas, or by semicolons where a spreadsheet has saved it. */
function parseCsv(text: string): string[][] {
  const [first = ''] = text.split('\n').filter((line) => /[,;]/.test(line))
  const separator = first.split(';').length > first.split(',').length ? ';' : ','
  const lines: string[][] = [[]]
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${separator}\\r\\n]*))(${separator}|\\r?\\n|$)`, 'gy')
  for (let match = cell.exec(text); match; match = cell.exec(text)) {
    const [, quoted, bare = '', end] = match
    lines.at(-1)?.push((quoted === undefined ? bare : quoted.replaceAll('""', '"')).trim())
    if (end === '') break
    if (end !== separator) lines.push([])
  }
  return lines
}
