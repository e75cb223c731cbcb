import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile, controlName } from '../driver/statement.js'

/** What runs have measured of the feeds, and how often they run. */
export interface MeasuredScans {
  /** Milliseconds of the last scan, by the name of the feed, which is that of its column with its table. */
  readonly took: ReadonlyMap<string, number>
  /** Runs of the last day. */
  readonly runs: number
  /** As many of them have scanned, as far as the watermark shows it. */
  readonly scans: number
}

/** Undefined where no run has measured anything yet. */
export async function readScans(target: Session, pipeline: string): Promise<MeasuredScans | undefined> {
  const [row] = await target.rows(scansQuery(pipeline))
  if (!row || row.took === null) return undefined
  const took: Record<string, number> = JSON.parse(row.took)
  return { took: new Map(Object.entries(took)), runs: Number(row.runs), scans: Number(row.scans) }
}

const scansQuery = (pipeline: string) =>
  compile(sql<{ took: string | null; runs: string; scans: string }>`
    with
      last as (
        select state
        from ${controlName('etl_control')}
        where pipeline = ${pipeline}::text
          and status = 'success'
        order by started_at desc
        limit 1
      ),
      feeds as (
        select
          feed.key as name,
          feed.value ->> 'took' as took
        from last
        cross join lateral jsonb_each(last.state -> 'feeds') feed

        union all

        select
          'messages.updated_at',
          state #>> '{edits,took}'
        from last
      ),
      day as (
        select
          count(*) as runs,
          count(distinct watermark_end) as scans
        from ${controlName('etl_control')}
        where pipeline = ${pipeline}::text
          and status = 'success'
          and started_at > now() - interval '1 day'
      )
    select
      (select jsonb_object_agg(name, took::numeric) from feeds where took is not null)::text as took,
      runs::text as runs,
      scans::text as scans
    from day`)
