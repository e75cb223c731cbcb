import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { keyColumnOf } from './load-plan.js'
import type { LoadPlan } from './load-plan.js'

/** Which keys the spellings are of: all that the source has, or those that are asked about. */
export type SpellingsOf = 'source' | 'asked'

const nameOf = (which: SpellingsOf) => `chatwoot_sync_${which}_spellings`

/** Creates the temporary table for keys as the source spells them; the end of the transaction drops it. */
export async function createSpellings(target: Session, plan: LoadPlan, which: SpellingsOf): Promise<void> {
  const { type } = keyColumnOf(plan)
  await target.rows(
    compile(sql`
      create temp table ${sql.id(nameOf(which))} (
        spelling text collate "C",
        key ${sql.raw(type)}
      ) on commit drop`),
  )
}

/** Adds keys, each as it is spelled and as the table has it. */
export async function addSpellings(
  target: Session,
  plan: LoadPlan,
  keys: readonly string[],
  which: SpellingsOf = 'source',
): Promise<void> {
  const columns = [
    { name: 'spelling', type: 'text' },
    { name: 'key', type: keyColumnOf(plan).definition.bare },
  ]
  await target.fill(
    { name: nameOf(which), columns },
    keys.map((key) => [key, key]),
  )
}

/** A spelling of the source that shares its key in the table with others. */
export interface SharedSpelling {
  readonly spelling: string
  /** The key as the table has it. */
  readonly key: string
  /** The row that is loaded is the one of this spelling. */
  readonly is_first: boolean
}

/** Of several spellings of one key, the one in which the table has it comes first, else the smallest. Those of `except` do not count. */
export async function sharedSpellings(
  target: Session,
  except: readonly string[],
): Promise<readonly SharedSpelling[]> {
  return target.rows(
    compile(sql<SharedSpelling>`
      select spelling, key, place = 1 as is_first
      from (
        select
          spelling,
          key,
          row_number() over (partition by key order by (spelling = key) desc, spelling) as place,
          count(*) over (partition by key) as spellings
        from (
          select distinct spelling, key::text collate "C" as key
          from ${sql.id(nameOf('source'))}
        ) spelled
        where spelling not in (select json_array_elements_text(${JSON.stringify(except)}::json))
      ) placed
      where spellings > 1`),
  )
}

/** Which of the keys that were asked about are no key of the source in any spelling. */
export async function keysWithoutSpelling(target: Session): Promise<readonly string[]> {
  const rows = await target.rows(
    compile(sql<{ spelling: string }>`
      select a.spelling
      from ${sql.id(nameOf('asked'))} a
      where not exists (
        select 1
        from ${sql.id(nameOf('source'))} s
        where s.key::text collate "C" = a.key::text collate "C"
      )`),
  )
  return rows.map(({ spelling }) => spelling)
}
