import { sql, type RawBuilder } from 'kysely'

import { commonName } from '../driver/types/column-type.js'
import { isCountable, keyColumnOf, type LoadPlan } from './load-plan.js'

/** About this many rows share one sum: few enough to list, so many that equal tables cost next to nothing to compare. */
export const rowsPerRange = 2048

/** Ranges that one statement on each side compares; between two statements progress is emitted. */
const rangesPerPage = 16

/** Groups of a key that cannot be cut into the same ranges on both servers, as text sorts differently on each. */
const hashGroups = 1024

/** Part of the rows, by a condition on `r.key`, and how it falls into groups. */
export interface Page {
  readonly condition: RawBuilder<unknown>
  /** Group of a row, over `v.key`. */
  readonly group: RawBuilder<unknown>
  /** Condition on `r.key` for one of the groups. */
  readonly ofGroup: (group: string) => RawBuilder<unknown>
}

/** How the whole, or a random sample of it, is compared. */
export function pagesOf(plan: LoadPlan, borders: readonly string[], sample: number): Page[] {
  if (!isCountable(plan)) return [hashPage(plan, sample)]
  const ranges = [...borders, null].map((to, index): Range => ({ after: borders[index - 1] ?? null, to }))
  const chosen = sample < 1 ? pick(ranges, sample) : ranges
  const step = sample < 1 ? 1 : rangesPerPage
  const pages: Page[] = []
  for (let from = 0; from < chosen.length; from += step) {
    pages.push(rangePage(plan, chosen.slice(from, from + step)))
  }
  return pages
}

/** Keys greater than `after` up to and including `to`. */
interface Range {
  readonly after: string | null
  readonly to: string | null
}

function rangePage({ key }: LoadPlan, ranges: readonly Range[]): Page {
  const inner = ranges.slice(1).flatMap(({ after }) => (after === null ? [] : [String(BigInt(after) + 1n)]))
  const within = ({ after, to }: Range) => {
    const column = sql`r.${sql.id(key)}`
    const above = after === null ? sql`true` : sql`${column} > ${after}::bigint`
    return to === null ? above : sql`${above} and ${column} <= ${to}::bigint`
  }
  return {
    condition: within({ after: ranges[0]?.after ?? null, to: ranges.at(-1)?.to ?? null }),
    group: sql`width_bucket(v.${sql.id(key)}::bigint, ${`{${inner.join(',')}}`}::bigint[])`,
    ofGroup: (group) => within(ranges[Number(group)] ?? { after: null, to: null }),
  }
}

function hashPage(plan: LoadPlan, sample: number): Page {
  const { key } = plan
  const type = sql.raw(commonName(keyColumnOf(plan).definition))
  // In the collation C, as others may have one hash for two spellings, which the other server does not.
  const hash = (alias: string) =>
    sql`(hashtextextended(${sql.id(alias, key)}::${type}::text collate "C", 1) & ${sql.lit(hashGroups - 1)})`
  const groups = Array.from({ length: hashGroups }, (_, index) => index)
  const chosen = sample < 1 ? pick(groups, sample) : undefined
  return {
    condition: chosen ? sql`${hash('r')} = any(${`{${chosen.join(',')}}`}::bigint[])` : sql`true`,
    group: hash('v'),
    ofGroup: (group) => sql`${hash('r')} = ${group}::bigint`,
  }
}

/** At least one, each with the same chance, in order. */
function pick<T>(all: readonly T[], share: number): T[] {
  const wanted = Math.max(1, Math.ceil(all.length * share))
  let left = all.length
  let open = wanted
  return all.filter(() => {
    const isChosen = Math.random() * left < open
    left -= 1
    if (isChosen) open -= 1
    return isChosen
  })
}
