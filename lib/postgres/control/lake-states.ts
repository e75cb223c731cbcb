import { sql } from 'kysely'

import { ownRelation } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** A lake as the target knows it. Times are texts with an offset. */
export interface LakeState {
  /** Its place: a folder, or bucket and prefix. */
  readonly lake: string
  /** The last version that is known to be committed; null before the first, as are the numbers of it. */
  readonly version: number | null
  /** The version equals the table as of this time. */
  readonly equalAt: string | null
  /** Seconds since then, or since the lake was registered, by the target's clock. */
  readonly ageSeconds: number
  readonly rows: number | null
  readonly bytes: number | null
  readonly files: number | null
  readonly months: number | null
  /** Months that have changed since. */
  readonly monthsPending: number
  /** Why it could not be brought up to date the last time; null where it could. */
  readonly errorCode: string | null
  readonly errorMessage: string | null
}

/** The lakes of a pipeline. Call it only where `mayReadQuery` has returned true. */
export async function readLakeStates(target: Session, pipeline: string): Promise<readonly LakeState[]> {
  const { db } = target
  const rows = await db
    .selectFrom('etl_lakes as l')
    .leftJoin('etl_lake_versions as v', (join) =>
      join
        .onRef('v.pipeline', '=', 'l.pipeline')
        .onRef('v.lake', '=', 'l.lake')
        .on('v.version', '=', ({ selectFrom }) =>
          selectFrom('etl_lake_versions as n')
            .select(({ fn }) => fn.max('n.version').as('version'))
            .whereRef('n.pipeline', '=', 'l.pipeline')
            .whereRef('n.lake', '=', 'l.lake')
            .where('n.committed_at', 'is not', null),
        ),
    )
    .select([
      'l.lake',
      'l.error_code',
      'l.error_message',
      'v.files_total',
      'v.months_total',
      sql<string | null>`l.version::text`.as('version'),
      sql<string | null>`l.equal_at::text`.as('equal_at'),
      sql<string>`round(extract(epoch from now() - coalesce(l.equal_at, l.registered_at))::numeric, 3)::text`.as(
        'age',
      ),
      sql<string | null>`v.rows_total::text`.as('rows'),
      sql<string | null>`v.bytes_total::text`.as('bytes'),
    ])
    .select(({ selectFrom }) =>
      selectFrom('etl_lake_months as m')
        .select(sql<string>`count(distinct m.month)::text`.as('months'))
        .whereRef('m.pipeline', '=', 'l.pipeline')
        .whereRef('m.lake', '=', 'l.lake')
        .as('pending'),
    )
    .where('l.pipeline', '=', pipeline)
    .orderBy('l.lake')
    .execute()
  return rows.map((row) => ({
    ...{ lake: row.lake, version: numberOf(row.version), equalAt: row.equal_at, ageSeconds: Number(row.age) },
    ...{
      rows: numberOf(row.rows),
      bytes: numberOf(row.bytes),
      files: row.files_total,
      months: row.months_total,
    },
    monthsPending: Number(row.pending ?? 0),
    ...{ errorCode: row.error_code, errorMessage: row.error_message },
  }))
}

/** False before `migrate` has created the tables of lakes, and for a role without the right to read them. */
export async function mayReadLakes(target: Session): Promise<boolean> {
  const [row] = await target.rows(mayReadQuery())
  return row?.readable === true
}

/** The same for a caller who shares the round trip. */
export const mayReadQuery = () =>
  compile(sql<{ readable: boolean }>`
    select bool_and(${mayRead(sql`name`)}) as readable
    from unnest(${sql.lit(tables)}::text[]) name`)

const tables = '{etl_lakes,etl_lake_months,etl_lake_versions}'

const mayRead = (name: ReturnType<typeof sql>) =>
  sql`coalesce(has_table_privilege(${ownRelation(name)}, 'select'), false)`

const numberOf = (text: string | null) => (text === null ? null : Number(text))
