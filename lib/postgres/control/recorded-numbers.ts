import { sql, type RawBuilder } from 'kysely'

import type { Counts } from '../../domain/report.js'
import { ownRelation } from '../driver/search-path.js'

/**
 * The most that an integer column holds. What a run or a comparison notes of itself is kept within the bounds of the columns, as no row may
 * be lost because of a number about it.
 */
const mostRows = 2 ** 31 - 1

/** Seconds of 31 years: a clock that was set right meanwhile may show more. */
const mostSeconds = 999_999_999

/** Seconds that the column of the margin held before a migration widened it. */
const narrowMargin = 999_999

/** A count of rows. */
export const recordedRows = (rows: number): number => Math.min(rows, mostRows)

/** The counts of a run, which still add up. */
export function recordedCounts(counts: Counts): Counts {
  let left = mostRows
  const take = (rows: number) => {
    const taken = Math.min(rows, left)
    left -= taken
    return taken
  }
  const rowsRejected = take(counts.rowsRejected)
  const rowsInserted = take(counts.rowsInserted)
  const rowsUpdated = take(counts.rowsUpdated)
  const rowsUnchanged = take(counts.rowsUnchanged)
  return {
    ...{ rowsRejected, rowsInserted, rowsUpdated, rowsUnchanged },
    rowsExtracted: mostRows - left,
    rowsDeleted: recordedRows(counts.rowsDeleted),
  }
}

/** How late stamps were; what the column holds is read from the catalog, as it may not have been widened yet. */
export function recordedMargin(seconds: number | null): number | RawBuilder<number> | null {
  if (seconds === null || seconds <= narrowMargin) return seconds
  return sql<number>`least(
    ${seconds}::numeric,
    (
      select power(10::numeric, ((nullif(atttypmod, -1) - 4) >> 16) - 6) - 0.000001
      from pg_attribute
      where attrelid = ${ownRelation(sql`'etl_control'::text`)}
        and attname = 'margin_used_seconds'
    )
  )`
}

/** Seconds from a time of the target's clock until now. */
export function durationSince(start: RawBuilder<unknown>): RawBuilder<string> {
  const seconds = sql`extract(epoch from clock_timestamp() - ${start})::numeric`
  return sql<string>`round(least(greatest(${seconds}, ${sql.lit(-mostSeconds)}), ${sql.lit(mostSeconds)}), 3)`
}
