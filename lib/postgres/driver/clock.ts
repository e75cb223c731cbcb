import { sql } from 'kysely'

import type { Session } from './session.js'
import { builder } from './statement.js'

/** The time of the server's clock as text, in the forms that the open transaction sets. */
export async function clockOf({ db }: Session): Promise<string> {
  const { now } = await db
    .selectNoFrom(sql<string>`clock_timestamp()::text`.as('now'))
    .executeTakeFirstOrThrow()
  return now
}

/** The time of the server's clock: microseconds since 1970 as text, for a caller who reads more in the same round trip. */
export const clockQuery = builder
  .selectNoFrom(sql<string>`(extract(epoch from clock_timestamp()) * 1000000)::bigint::text`.as('now'))
  .compile()
