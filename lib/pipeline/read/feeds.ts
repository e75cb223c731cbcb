import {
  changedContacts,
  changedConversations,
  changedSinceIn,
  contactColumns,
  contactFeed,
  editFeed,
  emptyTexts,
  scannedFeeds,
  stampFeed,
  type ChangedContact,
  type ContactPrints,
  type FeedBounds,
  type ScannedFeed,
} from '../../chatwoot/feeds.js'
import type { Micros } from '../../domain/horizon.js'
import {
  planEdits,
  planScans,
  statesAfter,
  statesMovedBack,
  statesWhenIdle,
  type EditPlan,
  type FeedPath,
} from '../../domain/scan-budget.js'
import type { ResolvedOptions } from '../../options.js'
import type { Column } from '../../postgres/driver/catalog.js'
import { clockQuery } from '../../postgres/driver/clock.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { isText, plainText } from '../../postgres/driver/types/column-type.js'
import { lockQueries, requireNotRewritten, type NamedTable } from '../../postgres/source/relation-identity.js'
import {
  conversationsThatDiffer,
  printLoaded,
  type ShownCell,
  type ShownCells,
} from '../../postgres/target/fingerprints.js'
import { isCountable } from '../../postgres/target/load-plan.js'
import type { Baseline } from '../prepare/baseline.js'
import type { ScanState, State } from '../prepare/state.js'
import { cellOf, type QueryScope } from './queries.js'

/** What a run asks the feeds of Chatwoot. */
export interface FeedPlan {
  /** Of those that every run reads. */
  readonly bounds: FeedBounds
  /** Of those that this run reads beside them, by name. */
  readonly scans: ReadonlyMap<string, Micros>
  /** No stamp of a row that is read for the first time is earlier, but for `skewAllowance`. */
  readonly stampsSince: Micros
  /** Nothing was written since the last run, and no feed is due that was left out. */
  readonly isIdle: boolean
  /** What the next run starts from, with the milliseconds that feeds have taken, by name. */
  readonly after: (took: ReadonlyMap<string, number>) => ScanState
}

/** Options that decide which feeds a run reads. */
export type FeedOptions = Pick<ResolvedOptions, 'editWindow' | 'editScanEvery' | 'scanShare' | 'scanEvery'>

/** How much of what is left out a run looks for: `scans` for every feed, `edits` for those of old messages. */
export interface Thoroughness {
  readonly readsAllFeeds: boolean
  readonly readsAllEdits: boolean
}

/** Undefined for a custom relation, and where everything is read. */
export function planFeeds(
  baseline: Pick<Baseline, 'plan' | 'opened' | 'usable' | 'comparableTables' | 'identities'>,
  options: FeedOptions,
  { readsAllFeeds, readsAllEdits }: Thoroughness,
): FeedPlan | undefined {
  const { plan, opened, usable, comparableTables: now, identities } = baseline
  const { bound, probe, chatwoot } = opened
  const { low } = bound
  const { at } = probe
  if (low === undefined || at === null || !now) return undefined
  const messages = pathOf(identities, editFeed)
  const readsAll = readsAllEdits || messages?.isIndexed === true
  const edits = planEdits(usable?.scans?.edits, { at, low, messages: chatwoot.messages, readsAll }, options)
  const before = statesMovedBack(usable?.scans?.feeds, opened.setBack)
  const paths = feedPaths(identities)
  const scans = planScans(before, { at, low, paths, isComplete: readsAllFeeds }, options)
  const isDue = [...scans.keys()].some((feed) => typeof before?.[feed]?.since === 'number')
  const isIdle = bound.isIdle && !isDue && !areEditsLeft(edits, usable)
  return {
    // After another program's history it is not known what the small tables were; renames from now on are seen.
    bounds: {
      ...{ tables: plan.tables, showsAgents: !plan.isFirst, low, now },
      ...{ before: usable?.smallTables ?? now, edits: edits.bounds },
    },
    scans,
    stampsSince: Math.min(low, before?.[stampFeed]?.since ?? low),
    isIdle,
    after: (took) => ({
      scanEvery: options.scanEvery,
      edits: { ...edits.next, took: took.get(editFeed.name) ?? usable?.scans?.edits?.took },
      feeds: isIdle
        ? statesWhenIdle(before, at)
        : statesAfter(before, { at, low, paths }, { read: new Set(scans.keys()), took }),
    }),
  }
}

/** What a full load leaves: it has read all that any feed shows, and measured nothing. */
export function afterFullLoad(
  {
    opened,
    usable,
    last,
    plan,
    identities,
  }: Pick<Baseline, 'opened' | 'usable' | 'last' | 'plan' | 'identities'>,
  { scanEvery }: Pick<ResolvedOptions, 'scanEvery'>,
): ScanState {
  const { at } = opened.probe
  if (at === null || plan.custom) return { edits: undefined, feeds: undefined, scanEvery }
  const paths = feedPaths(identities)
  const known = (usable ?? last)?.scans?.feeds
  const read = new Set(paths.map(({ feed }) => feed))
  return {
    edits: { lookedAt: at, since: null, took: last?.scans?.edits?.took },
    feeds: statesAfter(known, { at, low: at, paths }, { read, took: new Map() }),
    scanEvery,
  }
}

/** Of each feed, also where its table is none, or is not there: then there is nothing to spare. */
function feedPaths(found: Pick<Baseline['identities'], 'paths'>): FeedPath[] {
  return scannedFeeds.map((feed) => {
    const path = pathOf(found, feed)
    return { feed: feed.name, isIndexed: path?.isIndexed ?? false, pages: path?.pages ?? 0 }
  })
}

const pathOf = ({ paths }: Pick<Baseline['identities'], 'paths'>, { table, column }: ScannedFeed) =>
  paths.find((each) => each.table === table && each.column === column)

/** This run scans all messages, and runs since the last scan have left edits out: also when nothing was written meanwhile. */
function areEditsLeft(edits: EditPlan, last: Pick<State, 'scans'> | undefined): boolean {
  return edits.bounds.among === null && typeof last?.scans?.edits?.since === 'number'
}

/** What the feeds show, and how long each scan took. */
export interface ChangedIds {
  readonly ids: readonly string[]
  /** Milliseconds, by the name of the feed. */
  readonly took: ReadonlyMap<string, number>
}

/** Where the feeds are read. */
export interface FeedSides extends QueryScope {
  readonly source: Session
  readonly target: Session
}

/** What else decides what is read. */
export interface FeedReading {
  readonly hasTransform: boolean
  /** To be locked in the same round trip. */
  readonly tables: readonly NamedTable[]
  /** Ids that are read anyway. */
  readonly known: Iterable<string>
}

/**
 * Ids of the conversations of which a part changed and that have to be read, in no order and each once, with the tables locked in the same
 * round trip. The source itself says when each scan began and ended, so that the way to it does not count.
 */
export async function changedIds(
  sides: FeedSides,
  { bounds, scans }: Pick<FeedPlan, 'bounds' | 'scans'>,
  { hasTransform, tables, known }: FeedReading,
): Promise<ChangedIds> {
  const { source } = sides
  const { edits, tables: named } = bounds
  const look = planContactLook(sides, { hasTransform })
  const due = scannedFeeds.flatMap((feed) => {
    const since = scans.get(feed.name)
    return since === undefined ? [] : [{ feed, since }]
  })
  const read = edits.among === null ? [...due, { feed: editFeed, since: edits.since }] : due
  const locks = tables.length > 0 ? lockQueries(tables) : []
  const timed = read.flatMap(({ feed, since }) => [
    feed === contactFeed
      ? compile(changedContacts({ tables: named, since }, contactPrints(look, source)))
      : compile(changedSinceIn(feed, since, named)),
    clockQuery,
  ])
  const found = await source.together<readonly FoundRow[]>([
    ...locks,
    compile(changedConversations(bounds)),
    clockQuery,
    ...timed,
  ])
  if (locks.length > 0)
    requireNotRewritten((found[1] ?? []).map((row) => ({ rewritten: row['rewritten'] ?? '' })))
  const results = found.slice(locks.length)
  const clock = (place: number) => Number(results[2 * place + 1]?.[0]?.['now']) / 1000
  const changed = new Set(results.flatMap((rows) => rows.flatMap((row) => row['id'] ?? [])))
  const contacts = results.flatMap((rows) => rows.filter(isContact))
  return {
    ids: [...changed, ...(await conversationsToRead(sides, look, contacts, new Set([...changed, ...known])))],
    took: new Map(read.map(({ feed }, place) => [feed.name, clock(place + 1) - clock(place)])),
  }
}

/** Of any of the statements. */
type FoundRow = Readonly<Record<string, string | null>>

const isContact = (row: FoundRow): row is FoundRow & ChangedContact => row['contact_id'] !== undefined

/**
 * What is compared of the conversations of a contact that changed before they are read: what would be loaded, so that protected columns are
 * compared as they are stored. Undefined where the target may hold something else than what was loaded: then each of them is read.
 */
function planContactLook(
  { plan: { load, protection, custom } }: QueryScope,
  { hasTransform }: { readonly hasTransform: boolean },
): ShownCells | undefined {
  const find = (name: string) => load.columns.find((column) => column.name === name)
  const texts = protection.columns.get('empty_texts') === 'exclude' ? undefined : find('empty_texts')
  const isComparable = !texts || isTexts(texts)
  if (custom || hasTransform || !isCountable(load) || !find('contact_id') || !isComparable) return undefined
  const shown = (name: string, from: string): ShownCell[] => {
    const column = find(name)
    return column ? [{ column, loaded: cellOf(from, protection.columns.get(name)) }] : []
  }
  const empty = (part: keyof typeof emptyTexts): ShownCell[] =>
    texts ? [{ column: { ...texts, type: 'text', definition: plainText }, ...emptyTexts[part] }] : []
  return {
    contact: [...contactColumns.flatMap((name) => shown(name, name)), ...empty('contact')],
    client: [...shown('client_phone', 'contact_phone'), ...empty('client')],
    knowsClient: find('client_sender_id') !== undefined && !protection.columns.has('client_sender_id'),
  }
}

const isTexts = ({ definition: { element } }: Column) => element !== undefined && isText(element.kind)

/** The fingerprints that the source is asked for. */
function contactPrints(look: ShownCells | undefined, source: Session): ContactPrints | undefined {
  return look && { contact: printLoaded(look.contact, source), client: printLoaded(look.client, source) }
}

/**
 * Ids of the conversations among them that have to be read: all that the target does not show with the contact as it is now. `known` are
 * read anyway. Call it in the snapshot in which they will be read, and before anything is written.
 */
async function conversationsToRead(
  { plan, target }: QueryScope & { readonly target: Session },
  look: ShownCells | undefined,
  contacts: readonly ChangedContact[],
  known: ReadonlySet<string>,
): Promise<string[]> {
  const unknown = (ids: string | null) => listOf(ids).filter((id) => !known.has(id))
  const lost = contacts.flatMap((contact) => unknown(contact.lost_ids))
  const found = contacts
    .map((each) => ({
      ...{ contact: each.contact_id, contactPrint: each.contact_print, clientPrint: each.client_print },
      ...{ own: unknown(each.own_ids), other: unknown(each.other_ids) },
    }))
    .filter(({ own, other }) => own.length + other.length > 0)
  if (found.length === 0) return lost
  const differing = look
    ? await conversationsThatDiffer(target, plan.load, look, found)
    : found.flatMap(({ own, other }) => [...own, ...other])
  return [...lost, ...differing]
}

const listOf = (ids: string | null): string[] => ids?.slice(1, -1).split(',') ?? []
