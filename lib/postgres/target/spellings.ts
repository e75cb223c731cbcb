import { sql, type RawBuilder } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { isLooseKey, isSameKey, keyColumnOf, keyRuleOf, type LoadPlan } from './load-plan.js'

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
  plan: LoadPlan,
  except: readonly string[],
): Promise<readonly SharedSpelling[]> {
  // Each key as the unique index compares it, as the numeric 1 and 1.0 are one key.
  const rule = isLooseKey(plan) ? keyRuleOf(plan) : undefined
  const whole = rule
    ? sql`key${rule.collation ? sql` collate ${sql.raw(rule.collation)}` : sql``}`
    : asText(sql`key`)
  return target.rows(
    compile(sql<SharedSpelling>`
      select spelling, first as key, place = 1 as is_first
      from (
        select
          spelling,
          row_number() over (each order by (spelling = key) desc, spelling) as place,
          first_value(key) over (each order by key) as first,
          count(*) over each as spellings
        from (
          select distinct spelling, ${whole} as whole, ${asText(sql`key`)} as key
          from ${sql.id(nameOf('source'))}
        ) spelled
        where spelling not in (select json_array_elements_text(${JSON.stringify(except)}::json))
        window each as (partition by whole)
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
export async function spellingsLike(
  target: Session,
  plan: LoadPlan,
  which: SpellingsOf,
): Promise<readonly string[]> {
  const rows = await target.rows(
    compile(sql<{ spelling: string }>`
      select distinct s.spelling
      from ${sql.id(nameOf('source'))} s
      join ${sql.id(nameOf(which))} a on ${isSame(plan)}`),
  )
  return rows.map(({ spelling }) => spelling)
}

/** Which of these keys are no key of the source in any spelling. */
export async function keysWithoutSpelling(
  target: Session,
  plan: LoadPlan,
  which: SpellingsOf,
): Promise<readonly string[]> {
  const rows = await target.rows(
    compile(sql<{ spelling: string }>`
      select a.spelling
      from ${sql.id(nameOf(which))} a
      where not exists (
        select 1
        from ${sql.id(nameOf('source'))} s
        where ${isSame(plan)}
      )`),
  )
  return rows.map(({ spelling }) => spelling)
}

const asText = (key: RawBuilder<unknown>) => sql`(${key})::text collate "C"`

function isSame(plan: LoadPlan): RawBuilder<unknown> {
  const [one, other] = [sql`s.key`, sql`a.key`]
  return isLooseKey(plan) ? isSameKey(plan, one, other) : sql`${asText(one)} = ${asText(other)}`
}
