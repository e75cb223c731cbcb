import {
  changedContacts,
  changedConversations,
  changedSinceIn,
  contactFeed,
  editFeed,
  scannedFeeds,
  type ChangedContact,
} from '../../chatwoot/feeds.js'
import { clockQuery } from '../../postgres/driver/clock.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { lockQueries, requireNotRewritten, type NamedTable } from '../../postgres/source/relation-identity.js'
import type { FeedPlan } from '../prepare/plan-feeds.js'
import { contactPrints, conversationsToRead, planContactLook } from './contact-look.js'
import type { QueryScope } from './queries.js'

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
