import type { Session } from '../../postgres/driver/session.js'
import { agreementsQuery, answersQuery, trafficQuery } from '../../postgres/target/report-lists.js'
import {
  csatQuery,
  slaQuery,
  type ReportQuery,
  type ReportRange,
} from '../../postgres/target/report-numbers.js'
import type { ChatwootExport } from './chatwoot-export.js'
import { compareExport, type ComparedCell, type NamedNumbers, type RowNumbers } from './compare-export.js'

/** What a comparison of lists needs to know beside the export. */
export interface ComparedLists {
  readonly range: ReportRange
  /** A second after the end of the range. */
  readonly later: string
  readonly zone: string
  /** The inbox that an export of traffic is of. */
  readonly inbox: number | undefined
}

/** Compares hours, answers to surveys or missed agreements with the table; undefined for an export of other rows. */
export async function compareLists(
  session: Session,
  exported: ChatwootExport,
  { range, later, zone, inbox }: ComparedLists,
): Promise<readonly ComparedCell[] | undefined> {
  if (exported.of === 'traffic')
    return compareTraffic(session, exported, { account: range.account, zone, inbox })
  if (exported.of !== 'answers' && exported.of !== 'agreements') return undefined
  const read = exported.of === 'answers' ? readAnswers : readAgreements
  const rows = await read(session, { ...range, until: later })
  const inRange = await read(session, range)
  const compared = compareExport(exported, inRange, [{ reason: 'lastSecond', rows }])
  const total = exported.of === 'answers' ? csatQuery(range) : slaQuery(range)
  if ((await session.rows(total.query)).length > 0) return compared
  return compared.map((cell) => (cell.isEqual ? cell : { ...cell, reason: 'notInTable' }))
}

async function compareTraffic(
  session: Session,
  exported: ChatwootExport,
  { account, zone, inbox }: Pick<ComparedLists, 'zone' | 'inbox'> & { readonly account: number },
): Promise<readonly ComparedCell[]> {
  const hours = exported.rows.map(({ name }) => name ?? '').sort()
  const [since, last] = [hours[0], hours.at(-1)]
  if (since === undefined || last === undefined) return []
  const metric = exported.columns[0]?.metric ?? 'conversationsCount'
  const named = await readNamed(
    session,
    trafficQuery({
      ...{ account, inbox, since, until: `${last.slice(0, -2)}59`, zone: exported.zone ?? zone },
      metric: metric === 'resolutionsCount' ? 'resolutions_count' : 'conversations_count',
    }),
    ({ value }) => ({ [metric]: value }),
  )
  // The file need not have every hour between its first and its last one.
  const wanted = new Set(hours)
  return compareExport(
    exported,
    named.filter(({ name }) => name !== null && wanted.has(name)),
    [],
  )
}

const readAnswers = (session: Session, range: ReportRange) =>
  readNamed(session, answersQuery(range), ({ rating }) => ({ rating }))

const readAgreements = (session: Session, range: ReportRange) =>
  readNamed(session, agreementsQuery(range), ({ policy, missed }) => ({
    ...{ slaPolicyName: policy, slaMissedTypes: missed },
  }))

async function readNamed<Row extends { readonly name: string }>(
  session: Session,
  { query, read }: ReportQuery<Row>,
  numbersOf: (row: Row) => RowNumbers,
): Promise<readonly NamedNumbers[]> {
  const rows = read(await session.rows(query))
  return rows.map((row) => ({ name: row.name, numbers: numbersOf(row), withOrphans: undefined }))
}
