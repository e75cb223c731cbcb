import { printable } from '../../lib/domain/printable.js'
import { countText, pageDuration } from '../../lib/domain/quantity-text.js'
import type {
  ChatwootReport,
  ComparedCell,
  DifferenceReason,
  ReportCards,
  ReportRow,
} from '../../lib/index.js'
import { wrap } from './wrap.js'

/** The cards of the page, its table and the comparison with an export, in lines of at most `width` characters where words allow. */
export function reportSummary(report: ChatwootReport, width: number): string {
  const { account, accountName, localSince, localUntil, zone, businessHours, live } = report
  const name = accountName === null ? `Account ${account}` : `${accountName} (account ${account})`
  const head = [
    wrap(
      `${name}, ${localSince} to ${localUntil}, ${zone}${businessHours ? ', within working hours' : ''}`,
      width,
    ),
    '',
    ...cardLines(report),
    '',
    ...wrapped(
      `Now: ${live.openCount} open, ${live.unattendedCount} unattended, ${live.unassignedCount} unassigned, ${live.pendingCount} pending`,
      width,
    ),
    ...pageLines(report).flatMap((line) => wrapped(line, width)),
    ...(report.by === null ? [] : ['', ...tableLines(report, width)]),
    '',
    ...wrapped(orphanLine(report), width),
    ...(report.comparison === null ? [] : ['', ...comparisonLines(report, report.comparison, width)]),
  ]
  return head.map((line) => `${line}\n`).join('')
}

const wrapped = (text: string, width: number) => [wrap(text, width - 2, 2)]

const cardNames = [
  ['Conversations', 'conversationsCount'],
  ['Messages received', 'incomingMessagesCount'],
  ['Messages sent', 'outgoingMessagesCount'],
  ['First response time', 'avgFirstResponseTime'],
  ['Resolution time', 'avgResolutionTime'],
  ['Resolutions', 'resolutionsCount'],
  ['Waiting time', 'replyTime'],
  ['Resolved by bot', 'botResolutionsCount'],
  ['Handed over by bot', 'botHandoffsCount'],
] as const satisfies readonly (readonly [string, keyof ReportCards])[]

function cardLines({ cards, before }: ChatwootReport): string[] {
  const rows = cardNames.map(([name, key]) => [
    name,
    valueText(key, cards[key]),
    valueText(key, before[key]),
    trend(cards[key], before[key]),
  ])
  return aligned([['', 'Now', 'Before', 'Trend'], ...rows])
}

const valueText = (key: string, value: number | null) =>
  value === null ? '-' : key.endsWith('Count') ? countText(value) : pageDuration(value)

/** As the page computes it; a dash where there was nothing before. */
function trend(now: number | null, before: number | null): string {
  if (now === null || before === null || before === 0) return '-'
  const percent = Math.round(((now - before) / before) * 100)
  return `${percent > 0 ? '+' : ''}${percent}%`
}

function pageLines({ bot, csat, sla }: ChatwootReport): string[] {
  const ofBots =
    bot.conversationCount === null
      ? []
      : [
          `Bots: ${counted(bot.conversationCount, 'conversation')}, ${bot.messageCount === null ? '- messages' : counted(bot.messageCount, 'message')}, ${bot.resolutionRate ?? '-'}% resolved, ${bot.handoffRate ?? '-'}% handed over`,
        ]
  const ofSurveys =
    csat === null
      ? []
      : [
          `CSAT: ${counted(csat.responsesCount, 'answer')} to ${counted(csat.surveysSentCount, 'survey')} (${csat.responseRate ?? '-'}%), satisfaction ${csat.satisfactionScore}%`,
        ]
  const ofSla =
    sla === null || sla.appliedCount === 0
      ? []
      : [`SLA: ${sla.missedCount} of ${countText(sla.appliedCount)} missed, hit rate ${sla.hitRate}%`]
  return [...ofBots, ...ofSurveys, ...ofSla]
}

const counted = (count: number, noun: string) => `${countText(count)} ${noun}${count === 1 ? '' : 's'}`

const tableHeads = ['Conv.', 'Resolved', 'First resp.', 'Resolution', 'Waiting'] as const

/** One line a row where the terminal is wide enough, else a block a row. */
function tableLines({ by, rows }: ChatwootReport, width: number): string[] {
  if (rows.length === 0) return [`No ${by ?? ''} has anything in this range.`]
  const cells = rows.map((row) => [rowName(row), ...rowCells(row)])
  const lines = aligned([[capital(by ?? ''), ...tableHeads], ...cells])
  if (lines.every((line) => line.length <= width)) return lines
  return cells.flatMap(([name = '', ...values]) => [
    name,
    ...tableHeads.map((head, index) => `  ${head.padEnd(13)}${values[index] ?? ''}`),
  ])
}

const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1)

const rowName = ({ id, name }: Pick<ReportRow, 'id' | 'name'>) =>
  name === null ? `(id ${id ?? '-'})` : printable(name)

const rowCells = (row: ReportRow) => [
  countText(row.conversationsCount),
  row.resolvedConversationsCount === null ? '-' : countText(row.resolvedConversationsCount),
  pageDuration(row.avgFirstResponseTime),
  pageDuration(row.avgResolutionTime),
  pageDuration(row.avgReplyTime),
]

/** Rows of cells as lines; all but the first column to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  )
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}

function orphanLine({ orphanEvents, orphanEventsUnknown }: ChatwootReport): string {
  if (orphanEvents === null)
    return `Events of deleted conversations, which Chatwoot's page includes, could not be counted: ${orphanEventsUnknown ?? ''}`
  return `Events of deleted conversations, which Chatwoot's page includes: ${countText(orphanEvents)}`
}

const reasons: Readonly<Record<DifferenceReason, string>> = {
  orphanEvents: "equal with the events of deleted conversations, which Chatwoot's page includes",
  businessHours: 'equal with the other setting of business hours',
  lastSecond: 'equal with the last second of the day',
  nameTwice: 'several rows have this name',
  notInExport: 'the file has no such row; was the page filtered?',
  notInTable: 'the table does not hold what it is made of; see chatwoot-sync doctor',
  unexplained:
    'changed since the last run, other days or another zone in the file, or a silent change: run sync, then verify',
}

function comparisonLines(
  { exportedPeriod }: Pick<ChatwootReport, 'exportedPeriod'>,
  cells: readonly ComparedCell[],
  width: number,
): string[] {
  const differing = cells.filter(({ isEqual }) => !isEqual)
  const equal = cells.length - differing.length
  return [
    ...wrapped(
      `Compared with the file: ${countText(cells.length)} numbers, ${countText(equal)} equal`,
      width,
    ),
    ...(exportedPeriod === null ? [] : wrapped(`The file says, in days of UTC: ${exportedPeriod}`, width)),
    ...differing.flatMap((cell) => wrapped(differenceText(cell), width)),
  ]
}

function differenceText({ row, column, exported, ours, reason }: ComparedCell): string {
  const where = row === null ? column : `${row}, ${column}`
  const isTime = exported === null ? !Number.isInteger(ours) : !/^\d+$/.test(exported)
  const own =
    ours === null ? '-' : typeof ours === 'string' ? ours : isTime ? pageDuration(ours) : countText(ours)
  return `- ${where}: the file says ${exported ?? 'nothing'}, the table ${own}: ${reasons[reason ?? 'unexplained']}`
}
