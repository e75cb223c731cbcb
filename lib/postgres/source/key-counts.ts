import { sql } from 'kysely'

import { tableOf, type Relation } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** How the rows of a relation are distributed over its key; counts as texts. */
export interface KeyCounts {
  readonly rows: string
  /** Rows whose key is NULL. */
  readonly withoutKey: string
  /** Keys that more than one row has. */
  readonly repeatedKeys: string
}

/** Reads the relation whole. */
export async function countKeys(
  source: Session,
  relation: Pick<Relation, 'schema' | 'name'>,
  key: string,
): Promise<KeyCounts> {
  const [row] = await source.rows(
    compile(sql<KeyCounts>`
      select
        coalesce(sum(rows), 0)::text as rows,
        coalesce(sum(rows) filter (where key is null), 0)::text as "withoutKey",
        count(*) filter (where key is not null and rows > 1)::text as "repeatedKeys"
      from (
        select r.${sql.id(key)} as key, count(*) as rows
        from ${tableOf(relation)} r
        group by r.${sql.id(key)}
      ) keys`),
  )
  return row ?? { rows: '0', withoutKey: '0', repeatedKeys: '0' }
}
