import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { keyColumnOf } from './load-plan.js'
import type { LoadPlan } from './load-plan.js'

/** Which keys the spellings are of: all that the source has, those that no longer exist, or those of rows that are left out. */
export type SpellingsOf = 'source' | 'missing' | 'dropped'

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

/** Takes spellings away from those of the source. */
export async function removeSpellings(target: Session, spellings: readonly string[]): Promise<void> {
  await target.rows(
    compile(sql`
      delete from ${sql.id(nameOf('source'))}
      where spelling in (select json_array_elements_text(${JSON.stringify(spellings)}::json))`),
  )
}

/** How the source spells these keys. */
export async function spellingsLike(target: Session, which: SpellingsOf): Promise<readonly string[]> {
  const rows = await target.rows(
    compile(sql<{ spelling: string }>`
      select distinct s.spelling
      from ${sql.id(nameOf('source'))} s
      join ${sql.id(nameOf(which))} a on s.key::text collate "C" = a.key::text collate "C"`),
  )
  return rows.map(({ spelling }) => spelling)
}

/** Which of these keys are no key of the source in any spelling. */
export async function keysWithoutSpelling(target: Session, which: SpellingsOf): Promise<readonly string[]> {
  const rows = await target.rows(
    compile(sql<{ spelling: string }>`
      select a.spelling
      from ${sql.id(nameOf(which))} a
      where not exists (
        select 1
        from ${sql.id(nameOf('source'))} s
        where s.key::text collate "C" = a.key::text collate "C"
      )`),
  )
  return rows.map(({ spelling }) => spelling)
}
