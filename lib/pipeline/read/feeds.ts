import {
  changedContacts,
  changedConversations,
  changedSinceIn,
  contactFeed,
  conversationFeed,
  editedMessages,
  editFeed,
  scannedFeeds,
  touchedConversations,
  type ChangedContact,
  type FeedBounds,
  type ScannedFeed,
  type TouchedConversation,
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
import { clockQuery } from '../../postgres/driver/clock.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { lockQueries, requireNotRewritten, type NamedTable } from '../../postgres/source/relation-identity.js'
import {
  conversationsThatChanged,
  conversationsThatDiffer,
  printLoaded,
} from '../../postgres/target/prints.js'
import type { Baseline } from '../prepare/baseline.js'
import type { ScanState, State } from '../prepare/state.js'
import { planLook, type Look, type QueryScope } from './queries.js'

/** What a run asks the feeds of Chatwoot. */
export interface FeedPlan {
  /** Of those that every run reads. */
  readonly bounds: FeedBounds
  /** Of those that this run reads beside them, by name. */
  readonly scans: ReadonlyMap<string, Micros>
  /** Runs have left conversations.updated_at out, and read most of what it shows meanwhile: so conversations are compared before they are read. */
  readonly looksAtConversations: boolean
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
  const edits = planEdits(usable?.scans ?? {}, { at, low, messages: chatwoot.messages, readsAll }, options)
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
    looksAtConversations: typeof before?.[conversationFeed.name]?.since === 'number',
    stampsSince: Math.min(low, before?.[conversationFeed.name]?.since ?? low),
    isIdle,
    after: (took) => ({
      scanEvery: options.scanEvery,
      edits: { ...edits.next, took: took.get(editFeed.name) ?? usable?.scans?.edits?.took },
      editsAmong: edits.editsAmong,
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
  return edits.bounds.scan !== null && typeof last?.scans?.edits?.since === 'number'
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
  { bounds, scans, looksAtConversations }: Pick<FeedPlan, 'bounds' | 'scans' | 'looksAtConversations'>,
  { hasTransform, tables, known }: FeedReading,
): Promise<ChangedIds> {
  const { source } = sides
  const { edits, tables: named } = bounds
  const planned = planLook(sides, { hasTransform })
  const look = looksAtConversations ? planned : { ...planned, ofOwn: undefined }
  const due = scannedFeeds.flatMap((feed) => {
    const since = scans.get(feed.name)
    return since === undefined ? [] : [{ feed, query: queryOf(feed, since, named, { look, source }) }]
  })
  const { scan } = edits
  const read = scan ? [...due, { feed: editFeed, query: compile(editedMessages(scan, named)) }] : due
  const locks = tables.length > 0 ? lockQueries(tables) : []
  const found = await source.together<readonly FoundRow[]>([
    ...locks,
    compile(changedConversations(bounds)),
    clockQuery,
    ...read.flatMap(({ query }) => [query, clockQuery]),
  ])
  if (locks.length > 0)
    requireNotRewritten((found[1] ?? []).map((row) => ({ rewritten: row['rewritten'] ?? '' })))
  const results = found.slice(locks.length)
  const clock = (place: number) => Number(results[2 * place + 1]?.[0]?.['now']) / 1000
  const contacts = results.flatMap((rows) => rows.filter(isContact))
  const touched = results.flatMap((rows) => rows.filter(isTouched))
  const plain = results.flatMap((rows) => rows.flatMap((row) => (isTouched(row) ? [] : (row['id'] ?? []))))
  const changed = new Set(plain)
  const looked = await conversationsToRead(
    sides,
    look,
    { contacts, touched },
    new Set([...changed, ...known]),
  )
  return {
    ids: [...new Set([...changed, ...looked])],
    took: new Map(read.map(({ feed }, place) => [feed.name, clock(place + 1) - clock(place)])),
  }
}

function queryOf(
  feed: ScannedFeed,
  since: Micros,
  tables: FeedBounds['tables'],
  { look, source }: Pick<FeedSides, 'source'> & { readonly look: Look },
) {
  const { ofContact, ofOwn } = look
  if (feed === contactFeed) {
    const prints = ofContact && {
      contact: printLoaded(ofContact.contact, source),
      client: printLoaded(ofContact.client, source),
    }
    return compile(changedContacts({ tables, since }, prints))
  }
  if (feed === conversationFeed)
    return compile(touchedConversations(since, tables, ofOwn && printLoaded(ofOwn, source)))
  return compile(changedSinceIn(feed, since, tables))
}

/** Of any of the statements. */
type FoundRow = Readonly<Record<string, string | null>>

const isContact = (row: FoundRow): row is FoundRow & ChangedContact => row['contact_id'] !== undefined

const isTouched = (row: FoundRow): row is FoundRow & TouchedConversation => row['print'] !== undefined

/** More conversations than these changed at once, and most of them differ: they are read without a look, which would take memory for each. */
const mostLooked = 100_000

/** What the feeds show that is looked at first. */
interface Shown {
  readonly contacts: readonly ChangedContact[]
  readonly touched: readonly TouchedConversation[]
}

/**
 * Ids of the conversations among them that have to be read: all that the target does not hold as they are now, or with the contact as it is
 * now. `known` are read anyway. Call it in the snapshot in which they will be read, and before anything is written.
 */
async function conversationsToRead(
  { plan: { load }, target }: QueryScope & { readonly target: Session },
  { ofContact, ofOwn }: Look,
  { contacts, touched }: Shown,
  known: ReadonlySet<string>,
): Promise<string[]> {
  const unknown = (ids: string | null) => listOf(ids).filter((id) => !known.has(id))
  const lost = contacts.flatMap((contact) => unknown(contact.lost_ids))
  const own = touched.filter(({ id }) => !known.has(id))
  const ofTouched = own.length > mostLooked ? undefined : ofOwn
  const others = contacts
    .map((each) => ({
      ...{ contact: each.contact_id, contactPrint: each.contact_print, clientPrint: each.client_print },
      ...{ own: unknown(each.own_ids), other: unknown(each.other_ids) },
    }))
    .filter((each) => each.own.length + each.other.length > 0)
  const looks = [
    ...(ofTouched && own.length > 0 ? [conversationsThatChanged(target, load, ofTouched, own)] : []),
    ...(ofContact && others.length > 0 ? [conversationsThatDiffer(target, load, ofContact, others)] : []),
  ]
  const differing = looks.length > 0 ? await target.together(looks) : []
  return [
    ...lost,
    ...differing.flat().map(({ id }) => id),
    ...(ofTouched ? [] : own.map(({ id }) => id)),
    ...(ofContact ? [] : others.flatMap((each) => [...each.own, ...each.other])),
  ]
}

const listOf = (ids: string | null): string[] => ids?.slice(1, -1).split(',') ?? []
