import type { ReportGroup } from '../../domain/chatwoot-report.js'
import { SyncError } from '../../domain/errors.js'

/** The numbers that an export of Chatwoot's page may hold. */
export type ExportMetric =
  | 'conversationsCount'
  | 'incomingMessagesCount'
  | 'outgoingMessagesCount'
  | 'avgFirstResponseTime'
  | 'avgResolutionTime'
  | 'resolutionsCount'
  | 'replyTime'

export interface ChatwootExport {
  /** What its rows are; `account` for the one row of the conversations report. */
  readonly of: 'account' | ReportGroup
  /** Headers as they are in the file; without a metric where it is a name, or not known. */
  readonly columns: readonly { readonly header: string; readonly metric: ExportMetric | undefined }[]
  readonly rows: readonly { readonly name: string | null; readonly cells: readonly string[] }[]
  /** The line about the reported period, as it is in the file; its days are those of UTC. */
  readonly period: string | null
}

/** Words of the headers in English and Portuguese, without accents; the first that fits counts. */
const metrics: readonly (readonly [ExportMetric, RegExp])[] = [
  ['avgFirstResponseTime', /first response|primeira resposta/],
  ['resolutionsCount', /resolutions? count|(contagem|quantidade) de resolu/],
  ['avgResolutionTime', /resolution time|tempo.* de resolucao/],
  ['replyTime', /waiting time|reply time|espera do cliente|tempo medio de resposta/],
  ['incomingMessagesCount', /incoming|recebidas/],
  ['outgoingMessagesCount', /outgoing|enviadas/],
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
  const head = lines.findIndex((cells) => cells.filter((cell) => metricOf(cell) !== undefined).length > 1)
  const headers = lines[head]
  if (!headers) throw notAnExport()
  const group = groups.find(([, words]) => words.test(plain(headers[0] ?? '')))?.[0]
  const columns = headers.map((header, index) => ({
    header,
    metric: group !== undefined && index === 0 ? undefined : metricOf(header),
  }))
  const rows = lines
    .slice(head + 1)
    .filter((cells) => cells.length > 1)
    .map((cells) => ({ name: group === undefined ? null : nameIn(cells[0] ?? ''), cells }))
  const [period] = lines.find((cells) => cells.filter((cell) => cell !== '').length === 1) ?? []
  return { of: group ?? 'account', columns, rows, period: period ?? null }
}

function notAnExport(): SyncError {
  return new SyncError('CONFIG_INVALID', 'The file to compare with has no header of a report of Chatwoot.', {
    remedy:
      'Download the report of agents, inboxes, teams, labels or conversations from its page, in English or Portuguese.',
  })
}

const metricOf = (header: string) => metrics.find(([, words]) => words.test(plain(header)))?.[0]

const plain = (text: string) => text.normalize('NFD').replaceAll(/\p{M}/gu, '').trim().toLowerCase()

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
