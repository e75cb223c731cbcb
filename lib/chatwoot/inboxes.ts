import { sql, type RawBuilder } from 'kysely'

import { arrayOf } from './feeds.js'

export interface NamedInbox {
  readonly id: number
  readonly name: string
}

/** The inboxes with one of these names, which several accounts may have. */
export const inboxesNamed = (names: readonly string[]): RawBuilder<NamedInbox> => sql<NamedInbox>`
  select
    id::integer as id,
    name::text as name
  from inboxes
  where name::text = any(${arrayOf(names)}::text[])
  order by id`

/** The names that there are. */
export const inboxNames: RawBuilder<Pick<NamedInbox, 'name'>> = sql<Pick<NamedInbox, 'name'>>`
  select distinct name::text as name
  from inboxes
  order by 1`
