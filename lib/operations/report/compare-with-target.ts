import type { OrphanEvents, ReportCards, ReportGroup, ReportRow } from '../../domain/chatwoot-report.js'
import type { Session } from '../../postgres/driver/session.js'
import {
  cardsQuery,
  eventTotalsQuery,
  rowsQuery,
  type ReportRange,
} from '../../postgres/target/report-numbers.js'
import { compareExport, type ComparedCell, type NamedNumbers, type RowNumbers } from './compare-export.js'
import { compareLists, type ComparedLists } from './compare-lists.js'
import { groupOf, type ChatwootExport } from './chatwoot-export.js'

/** What a comparison needs to know beside the export. */
export interface ComparedReport extends ComparedLists {
  readonly businessHours: boolean
  /** Undefined where they could not be counted. */
  readonly orphans: readonly OrphanEvents[] | undefined
}

/** Compares an export with the table, and with what the table says of the other kind of hours and of a range with its last second. */
export async function compareWithTarget(
  session: Session,
  exported: ChatwootExport,
  { businessHours, orphans = [], ...lists }: ComparedReport,
): Promise<readonly ComparedCell[]> {
  const compared = await compareLists(session, exported, lists)
  if (compared) return compared
  const { range, later } = lists
  const group = groupOf(exported)
  const read = (of: ReportRange, hours: boolean) => readRows(session, of, { group, businessHours: hours })
  const own = await read(range, businessHours)
  const ours =
    orphans.length === 0 ? own : await addOrphans(session, own, { range, businessHours, orphans, group })
  const longer = { ...range, until: later }
  return compareExport(exported, ours, [
    { reason: 'businessHours', rows: await read(range, !businessHours) },
    { reason: 'lastSecond', rows: await read(longer, businessHours) },
  ])
}

interface OwnRow extends NamedNumbers {
  readonly id: number | null
}

async function readRows(
  session: Session,
  range: ReportRange,
  { group, businessHours }: { readonly group: ReportGroup | undefined; readonly businessHours: boolean },
): Promise<readonly OwnRow[]> {
  if (group === undefined) {
    const { query, read } = cardsQuery(range, businessHours)
    return read(await session.rows(query)).map((cards) => rowOfCards(cards))
  }
  const { query, read } = rowsQuery(range, group, businessHours)
  return read(await session.rows(query)).map((row) => rowOf(row))
}

const rowOfCards = (cards: ReportCards): OwnRow => ({
  ...{ id: null, name: null, numbers: { ...cards }, withOrphans: undefined },
})

const rowOf = ({ id, name, ...row }: ReportRow): OwnRow => ({
  ...{ id, name, withOrphans: undefined },
  numbers: {
    conversationsCount: row.conversationsCount,
    avgFirstResponseTime: row.avgFirstResponseTime,
    avgResolutionTime: row.avgResolutionTime,
    resolutionsCount: row.resolvedConversationsCount,
    replyTime: row.avgReplyTime,
  },
})

/** Teams and labels are those of a conversation, so only rows of the account, of agents and of inboxes count such events. */
async function addOrphans(
  session: Session,
  rows: readonly OwnRow[],
  {
    range,
    businessHours,
    orphans,
    group,
  }: Pick<ComparedReport, 'range' | 'businessHours'> & {
    readonly orphans: readonly OrphanEvents[]
    readonly group: ReportGroup | undefined
  },
): Promise<readonly NamedNumbers[]> {
  if (group === 'team' || group === 'label') return rows
  const { query, read } = eventTotalsQuery(range)
  const all = [...read(await session.rows(query)), ...orphans]
  return rows.map((row) => {
    const own = all.filter(
      ({ agent, inbox }) => group === undefined || (group === 'agent' ? agent : inbox) === row.id,
    )
    return { ...row, withOrphans: { ...row.numbers, ...numbersOf(own, businessHours) } }
  })
}

function numbersOf(events: readonly OrphanEvents[], businessHours: boolean): RowNumbers {
  const sum = (name: string, of: (event: OrphanEvents) => number) =>
    events.filter((event) => event.name === name).reduce((whole, event) => whole + of(event), 0)
  const count = (name: string) => sum(name, (event) => event.count)
  const mean = (name: string) =>
    count(name) === 0
      ? null
      : sum(name, ({ seconds, businessSeconds }) => (businessHours ? businessSeconds : seconds)) / count(name)
  return {
    avgFirstResponseTime: mean('first_response'),
    avgResolutionTime: mean('conversation_resolved'),
    resolutionsCount: count('conversation_resolved'),
    replyTime: mean('reply_time'),
  }
}
