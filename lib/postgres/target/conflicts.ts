import { sql, type RawBuilder } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { inScope, isRespelled, isSameKey, stageName, type LoadPlan } from './load-plan.js'
import { detourOf, type RulePart, type UniqueRule } from './unique-rules.js'

/** A staged row whose value another row has. */
export interface Conflict {
  readonly key: string
  /** Place of the rule in the list. */
  readonly rule: number
  /**
   * Key of the row that has the value, spelled as in the stage if it is staged: of the table, or of the stage, where both want it and the other
   * one comes first.
   */
  readonly holder: string
  /** The holder is soft-deleted. */
  readonly is_deleted: boolean
  /** The holder is a row of this pipeline. */
  readonly is_own: boolean
  /** The holder is to be written, too. */
  readonly is_staged: boolean
  /** The row cannot be written as long as other rows stay as they are. */
  readonly is_blocked: boolean
}

/**
 * Every conflict of the rows of the stage, and which of them are blocked: a row that is not written itself has the value, or one that is
 * blocked, or two staged rows want the same one. All others can be written together, if those that hold a value step aside first.
 */
export async function findConflicts(
  target: Session,
  plan: LoadPlan,
  rules: readonly UniqueRule[],
): Promise<readonly Conflict[]> {
  if (rules.length === 0) return []
  const edges = rules.map((rule, place) => edgesOf(plan, rule, place))
  const rivals = rules.map((rule, place) => rivalsOf(plan, rule, place))
  const key = sql.id(plan.key)
  return target.rows(
    compile(sql<Conflict>`
    with recursive
    image as materialized (${imagesOf(plan)}),
    held as materialized (
      select
        found.rule,
        found.key::text as key,
        coalesce(s.${key}, found.holder)::text as holder,
        found.is_deleted,
        found.is_own,
        s.${key} is not null as is_staged,
        found.is_deleted and found.can_release as is_free,
        case
          when s.${key} is null then not (found.is_deleted and found.can_release)
          else not found.can_move
        end as stays
      from (${sql.join(edges, sql` union all `)}) found
      left join ${sql.id(stageName)} s on ${isSameKey(plan, sql`found.holder`, sql`s.${key}`)}
    ),
    rival as materialized (${sql.join(rivals, sql` union all `)}),
    blocked (key) as (
      select key from (select key from held where stays union all select key from rival) first_of_all
      union
      select held.key
      from held
      join blocked on blocked.key = held.holder
      where held.is_staged and not held.is_free
    )
    select
      conflict.*,
      exists (select 1 from blocked where blocked.key = conflict.key) as is_blocked
    from (
      select key, rule, holder, is_deleted, is_own, is_staged from held
      union all
      select key, rule, holder, false, true, true from rival
    ) conflict
    order by conflict.key, conflict.rule, conflict.holder`),
  )
}

/** The staged rows as the table would hold them, with the columns that are not loaded as they are there now. */
function imagesOf({ table, columns, key, ...plan }: LoadPlan): RawBuilder<unknown> {
  const loaded = new Set(columns.map(({ name }) => name))
  const cells = table.columns.map(({ name, type }) => {
    if (loaded.has(name)) return sql`s.${sql.id(name)}`
    return name === 'deleted_at' ? sql`null::${sql.raw(type)} as ${sql.id(name)}` : sql`t.${sql.id(name)}`
  })
  const matching = isSameKey({ ...plan, table, columns, key }, sql`t.${sql.id(key)}`, sql`s.${sql.id(key)}`)
  return sql`
      select ${sql.join(cells)}
      from ${sql.id(stageName)} s
      left join ${tableOf(table)} t on ${matching}`
}

/** Pairs of a staged row and the row of the table that has its value. */
function edgesOf(plan: LoadPlan, rule: UniqueRule, place: number): RawBuilder<unknown> {
  const { table } = plan
  const hasDeleted = table.columns.some(({ name }) => name === 'deleted_at')
  const detour = detourOf(rule, plan)
  return sql`
      select
        ${sql.lit(place)} as rule,
        n.key,
        o.key as holder,
        o.is_deleted,
        o.is_own,
        ${sql.lit(detour !== undefined)} as can_move,
        ${sql.lit(detour?.isNull === true || rule.canRemove)} as can_release
      from (
        select r.${sql.id(plan.key)} as key, ${valuesOf(rule)}
        from image r
        where ${predicateOf(rule)}
      ) n
      join (
        select
          r.${sql.id(plan.key)} as key,
          ${hasDeleted ? sql`r.deleted_at is not null` : sql`false`} as is_deleted,
          ${inScope(plan, 'r')} as is_own,
          ${valuesOf(rule)}
        from ${tableOf(table)} r
        where ${predicateOf(rule)}
      ) o on ${hasSameValues(rule, 'o', 'n')}
      where not (${isSameKey(plan, sql`o.key`, sql`n.key`)})`
}

/** Staged rows that want the value of another staged row. The one that has it already comes first, else the one with the smaller key. */
function rivalsOf(plan: LoadPlan, rule: UniqueRule, place: number): RawBuilder<unknown> {
  return sql`
      select ${sql.lit(place)} as rule, later.key::text as key, earlier.key::text as holder
      from (${rankedBy(plan, rule)}) later
      join (${rankedBy(plan, rule)}) earlier
        on earlier.rank < later.rank
        and ${hasSameValues(rule, 'earlier', 'later')}`
}

function rankedBy(plan: LoadPlan, rule: UniqueRule): RawBuilder<unknown> {
  const has = sql`exists (
            select 1
            from (
              select r.${sql.id(plan.key)} as key, ${valuesOf(rule)}
              from ${tableOf(plan.table)} r
              where ${predicateOf(rule)}
            ) o
            where ${isSameKey(plan, sql`o.key`, sql`n.key`)}
              and ${hasSameValues(rule, 'o', 'n')}
          )`
  return sql`
        select n.*, row_number() over (order by ${has} desc, n.key) as rank
        from (
          select r.${sql.id(plan.key)} as key, ${valuesOf(rule)}
          from image r
          where ${predicateOf(rule)}
        ) n`
}

const nameOf = (at: number) => sql.id(`value_${at}`)

const valuesOf = ({ parts }: UniqueRule) =>
  sql.join(parts.map(({ expression }, at) => sql`${sql.raw(expression)} as ${nameOf(at)}`))

const predicateOf = ({ predicate }: UniqueRule) => (predicate === null ? sql`true` : sql.raw(predicate))

function hasSameValues({ parts, isNullEqual }: UniqueRule, one: string, other: string): RawBuilder<unknown> {
  const pairs = parts.map(({ operator, collation }: RulePart, at) => {
    const [left, right] = [one, other].map((alias) => sql`${sql.id(alias)}.${nameOf(at)}`)
    const collated = collation === null ? sql`` : sql` collate ${sql.raw(collation)}`
    const isEqual = sql`${left} ${sql.raw(operator)} (${right}${collated})`
    return isNullEqual ? sql`(${isEqual} or (${left} is null and ${right} is null))` : isEqual
  })
  return sql.join(pairs, sql` and `)
}

/** A staged row whose key is that of another row in another spelling. */
export interface Respelling {
  readonly key: string
  /** The spelling of the row of the table; null where both rows are staged. */
  readonly stored: string | null
}

/**
 * Staged rows whose key the target holds in another spelling, and those whose key another staged row has: of these, the one that is spelled
 * as in the target comes first, else the one whose spelling does.
 */
export async function findRespelled(target: Session, plan: LoadPlan): Promise<readonly Respelling[]> {
  const key = sql.id(plan.key)
  const isStored = (alias: string) => sql`exists (
        select 1
        from ${tableOf(plan.table)} t
        where ${isSameKey(plan, sql`t.${key}`, sql`${sql.id(alias)}.${key}`)}
          and not (${isRespelled(sql`t.${key}`, sql`${sql.id(alias)}.${key}`)})
      )`
  const isBefore = sql`(
        case when ${isStored('winner')} then 0 else 1 end,
        winner.${key}::text collate "C"
      ) < (
        case when ${isStored('s')} then 0 else 1 end,
        s.${key}::text collate "C"
      )`
  return target.rows(
    compile(sql<Respelling>`
    select s.${key}::text as key, t.${key}::text as stored
    from ${sql.id(stageName)} s
    join ${tableOf(plan.table)} t on ${isSameKey(plan, sql`t.${key}`, sql`s.${key}`)}
    where ${isRespelled(sql`s.${key}`, sql`t.${key}`)}
    union
    select s.${key}::text, null
    from ${sql.id(stageName)} s
    join ${sql.id(stageName)} winner on ${isSameKey(plan, sql`winner.${key}`, sql`s.${key}`)}
    where ${isRespelled(sql`winner.${key}`, sql`s.${key}`)}
      and ${isBefore}`),
  )
}

/** Takes the rows of exactly these keys out of the stage. */
export async function unstage(target: Session, plan: LoadPlan, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  await target.rows(
    compile(sql`
      delete from ${sql.id(stageName)} s
      where s.${sql.id(plan.key)}::text collate "C" in (
        select json_array_elements_text(${JSON.stringify(keys)}::json)
      )`),
  )
}
