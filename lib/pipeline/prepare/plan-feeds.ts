import { editFeed, scannedFeeds, stampFeed, type FeedBounds, type ScannedFeed } from '../../chatwoot/feeds.js'
import type { Micros } from '../../domain/horizon.js'
import {
  planScans,
  statesAfter,
  statesMovedBack,
  statesWhenIdle,
  planEdits,
  type FeedPath,
  type EditPlan,
} from '../../domain/scan-budget.js'
import type { ResolvedOptions } from '../../options.js'
import type { Baseline } from './baseline.js'
import type { ScanState, State } from './state.js'

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
