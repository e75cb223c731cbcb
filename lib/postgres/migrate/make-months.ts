import type pg from 'pg'

import { quoted } from '../driver/search-path.js'
import { schemaOfTables, type Place } from './place.js'

/** Adds the months ahead to the tables that `partition` has partitioned, where the function for it is there; other migrations may lack it. */
export async function makeMonths(client: pg.Client, { schema }: Place): Promise<void> {
  const found = await schemaOfTables(client, schema)
  if (found === undefined) return
  const { rows } = await client.query(
    `
    select 1
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = $1::name and p.proname = 'etl_make_months'`,
    [found],
  )
  if (rows.length > 0) await client.query(`select ${quoted(found)}.etl_make_months()`)
}
