import type {
  BotReport,
  CsatReport,
  LiveReport,
  OrphanEvents,
  ReportCards,
  ReportGroup,
  ReportRow,
  SlaReport,
} from '../../domain/chatwoot-report.js'
import { SyncError } from '../../domain/errors.js'
import { migrateCommand } from '../../domain/migrate-command.js'
import type { DatabaseHandle } from '../../postgres/driver/connect.js'
import type { Session } from '../../postgres/driver/session.js'
import {
  accountsQuery,
  botQuery,
  cardsQuery,
  csatQuery,
  hasReports,
  instantsQuery,
  liveQuery,
  rowsQuery,
  slaQuery,
  zoneQuery,
  type ReportQuery,
  type ReportRange,
} from '../../postgres/target/report-numbers.js'
import { readTarget } from '../read-target.js'
import { groupOf } from './chatwoot-export.js'
import type { ComparedCell } from './compare-export.js'
import { compareWithTarget } from './compare-with-target.js'
import { readExport } from './export-csv.js'
import { countOrphans } from './orphans.js'
import { beginOf, endOf } from './report-dates.js'

export interface ReportOptions {
  /** The database of the analytics table; SELECT rights on it are enough. */
  readonly target: DatabaseHandle
  /** The schema of the tables, as in the runs. (Default: as there.) */
  readonly schema?: string | undefined
  /** Chatwoot, to count the events of conversations that it no longer has. (Default: they are not counted.) */
  readonly source?: DatabaseHandle | undefined
  /** Id of the account. (Default: the only one.) */
  readonly account?: number | undefined
  /** The first day, such as `2026-06-01`, or a time; of the zone where it has no offset. */
  readonly since: string
  /** The last day, without its last second as Chatwoot's page has it, or a time up to which but not including it. */
  readonly until: string
  /** Adds the table of agents, inboxes, teams or labels. (Default: that of `compare`, else none.) */
  readonly by?: ReportGroup | undefined
  /** Times within working hours, as the switch on the page. (Default: false.) */
  readonly businessHours?: boolean | undefined
  /** Time zone of `since` and `until`. (Default: that in which most conversations of the account are dated.) */
  readonly zone?: string | undefined
  /** Id of the inbox that an export of traffic is of, as the file does not name it. (Default: all inboxes.) */
  readonly inbox?: number | undefined
  /** The text of a CSV that Chatwoot's page has exported, to be compared. */
  readonly compare?: string | undefined
}

/** The numbers of Chatwoot's report pages. Times are texts with an offset. */
export interface ChatwootReport {
  readonly account: number
  readonly accountName: string | null
  readonly since: string
  readonly until: string
  /** In which the days of the range are days. */
  readonly zone: string
  /** `since` and `until` in that zone, without an offset. */
  readonly localSince: string
  readonly localUntil: string
  readonly businessHours: boolean
  readonly cards: ReportCards
  /** The cards of the range just before, as long as this one. */
  readonly before: ReportCards
  readonly bot: BotReport
  /** Null where the table holds no answers to surveys. */
  readonly csat: CsatReport | null
  /** Null where it holds no service level agreements. */
  readonly sla: SlaReport | null
  /** As of the last run, whatever the range is. */
  readonly live: LiveReport
  readonly by: ReportGroup | null
  /** Rows of the table that hold anything; none without `by`. */
  readonly rows: readonly ReportRow[]
  /** Events in the range whose conversation Chatwoot no longer has: its pages count them. Null where they could not be counted. */
  readonly orphanEvents: number | null
  /** Why they could not be counted. */
  readonly orphanEventsUnknown: string | null
  /** What the export says beside what we say; null without one. */
  readonly comparison: readonly ComparedCell[] | null
  /** The days that the export says it is of, in its words; they are those of UTC. Null without such a line. */
  readonly exportedPeriod: string | null
}

/**
 * Reads the numbers of Chatwoot's report pages from the table. Writes nothing. Throws CONFIG_INVALID for a range, a zone, an account or an
 * export that cannot be used, CONFIG_MISSING where the table has several accounts and none is named, TARGET_NOT_MIGRATED,
 * TARGET_UNREACHABLE, TARGET_AUTH_FAILED, TARGET_DATABASE_MISSING or TARGET_FORBIDDEN.
 *
 * @example
 * const { cards } = await readReport({ target, since: '2026-06-01', until: '2026-06-30' })
 * console.log(cards.resolutionsCount, cards.avgFirstResponseTime)
 */
export async function readReport(options: ReportOptions): Promise<ChatwootReport> {
  const { target, schema, source, businessHours = false, inbox, compare } = options
  const exported = compare === undefined ? undefined : readExport(compare)
  const by = options.by ?? (exported && groupOf(exported))
  const since = beginOf('since', options.since)
  const until = endOf('until', options.until)
  return readTarget({ target, schema }, 'report', async (session) => {
    if (!(await hasReports(session))) throw notMigrated(session)
    const account = await accountOf(session, options.account)
    const zone = await zoneOf(session, account.id, options.zone)
    const [instants] = await ask(session, instantsQuery(since, until, zone))
    if (!instants || instants.isEmpty) throw emptyRange(options)
    const range = { account: account.id, since: instants.since, until: instants.until }
    const numbers = await readNumbers(session, { ...range, before: instants.before }, { by, businessHours })
    const orphans = await countOrphans(source, range)
    const comparison = exported
      ? await compareWithTarget(session, exported, {
          ...{ range, later: instants.later, zone, businessHours, inbox, orphans: orphans.events },
        })
      : null
    return {
      ...{ account: account.id, accountName: account.name, since: range.since, until: range.until },
      ...{ zone, localSince: instants.localSince, localUntil: instants.localUntil, businessHours },
      ...{ ...numbers, by: by ?? null },
      orphanEvents: orphans.events ? total(orphans.events) : null,
      orphanEventsUnknown: orphans.unknown,
      comparison,
      exportedPeriod: exported?.period ?? null,
    }
  })
}

const total = (events: readonly OrphanEvents[]) => events.reduce((sum, { count }) => sum + count, 0)

async function ask<Row>(session: Session, { query, read }: ReportQuery<Row>): Promise<readonly Row[]> {
  return read(await session.rows(query))
}

async function accountOf(session: Session, wanted: number | undefined) {
  const accounts = await ask(session, accountsQuery)
  const known = accounts.map(({ id }) => id)
  if (wanted !== undefined) {
    const found = accounts.find(({ id }) => id === wanted)
    if (found) return found
    throw new SyncError('CONFIG_INVALID', `The table has no conversation of account ${wanted}.`, {
      remedy: known.length > 0 ? `It has those of ${known.join(', ')}.` : 'Run chatwoot-sync sync.',
    })
  }
  const [only] = accounts
  if (only && accounts.length === 1) return only
  if (!only)
    throw new SyncError('CONFIG_INVALID', 'The table has no conversations.', {
      remedy: 'Run chatwoot-sync sync.',
    })
  throw new SyncError('CONFIG_MISSING', `The table has conversations of accounts ${known.join(', ')}.`, {
    remedy: 'Name one of them as account (--account).',
  })
}

async function zoneOf(session: Session, account: number, wanted: string | undefined): Promise<string> {
  const [row] = await ask(session, zoneQuery(account, wanted))
  const zone = row?.zone ?? null
  if (zone !== null) return zone
  throw new SyncError('CONFIG_INVALID', `The server knows no time zone ${JSON.stringify(wanted)}.`, {
    remedy: 'Use a name such as America/Sao_Paulo.',
  })
}

function notMigrated({ schema }: Session): SyncError {
  return new SyncError('TARGET_NOT_MIGRATED', 'The target has no function chatwoot_report.', {
    remedy: `Run ${migrateCommand(schema)}.`,
  })
}

function emptyRange({ since, until }: Pick<ReportOptions, 'since' | 'until'>): SyncError {
  return new SyncError('CONFIG_INVALID', `No time lies between ${since} and ${until}.`, {
    remedy: 'Name the earlier one as since, and the later one as until.',
  })
}

async function readNumbers(
  session: Session,
  { before, ...range }: ReportRange & { readonly before: string },
  { by, businessHours }: { readonly by: ReportGroup | undefined; readonly businessHours: boolean },
) {
  const queries = {
    cards: cardsQuery(range, businessHours),
    earlier: cardsQuery({ ...range, since: before, until: range.since }, businessHours),
    rows: rowsQuery(range, by, businessHours),
    bot: botQuery(range),
    csat: csatQuery(range),
    sla: slaQuery(range),
    live: liveQuery(range.account),
  }
  const [cards, earlier, rows, bot, csat, sla, live] = await session.together([
    queries.cards.query,
    queries.earlier.query,
    queries.rows.query,
    queries.bot.query,
    queries.csat.query,
    queries.sla.query,
    queries.live.query,
  ])
  return {
    cards: only(queries.cards.read(cards)),
    before: only(queries.earlier.read(earlier)),
    rows: queries.rows.read(rows),
    bot: only(queries.bot.read(bot)),
    csat: queries.csat.read(csat)[0] ?? null,
    sla: queries.sla.read(sla)[0] ?? null,
    live: only(queries.live.read(live)),
  }
}

function only<Row>([row]: readonly Row[]): Row {
  if (row === undefined) throw new TypeError('A function that always returns a row returned none.')
  return row
}
