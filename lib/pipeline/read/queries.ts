import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import {
  columnsAsJson,
  conversationKeys,
  conversations,
  type RowColumn,
  type RowOptions,
} from '../../chatwoot/conversation-row.js'
import { formatMicros, type Micros } from '../../domain/horizon.js'
import { contactColumns, ownColumns, ownLeaves } from '../../chatwoot/columns.js'
import { emptyTexts } from '../../chatwoot/feeds.js'
import type { KeyRange } from '../../domain/key-ranges.js'
import type { ResolvedOptions } from '../../options.js'
import type { Session } from '../../postgres/driver/session.js'
import type { Column } from '../../postgres/driver/catalog.js'
import { jsonbBytes } from '../../postgres/driver/binary-copy.js'
import { compile } from '../../postgres/driver/statement.js'
import {
  commonName,
  isBuiltIn,
  isText,
  plainText,
  type ColumnType,
} from '../../postgres/driver/types/column-type.js'
import { allKeys, changedSince, rows } from '../../postgres/source/custom-relation.js'
import { protect, type Protection } from '../../postgres/source/protection.js'
import { isCountable } from '../../postgres/target/load-plan.js'
import type { ContactCells, ShownCell } from '../../postgres/target/prints.js'
import { cellNameOf, type Plan } from '../prepare/plan.js'

/** What the queries depend on. */
export interface QueryScope {
  readonly plan: Plan
  readonly options: Pick<
    ResolvedOptions,
    'timeZone' | 'chatwootUrl' | 'accounts' | 'inboxes' | 'messageTexts'
  >
  /** The time zones of the inboxes, and whether both servers know them. */
  readonly timeZones: Readonly<Record<string, boolean>>
  /**
   * How JSON that the row puts together goes to the target where nothing looks at the values: as the bytes of jsonb, or as the text that
   * the aggregate wrote, whose keys are in another order. (Default: as jsonb, which the source parses and writes anew.)
   */
  readonly sendJsonAs?: 'bytes' | 'text' | undefined
  /** Keys and the low watermark are not in the statement: it finds what `passedTo` returns in settings. */
  readonly findsPassed?: boolean | undefined
}

/** Which rows an incremental run reads. */
export interface ChangedRows {
  /** Those of a custom relation whose stamp is at or after it; undefined for the built-in one. */
  readonly low?: Micros | undefined
  readonly keys: readonly string[]
}

/**
 * Every row after a key that meets a condition, in order of the key. Of a custom relation the row of that key comes again, and those
 * without a key, so that a run that resumes fails for the same rows as the one before.
 */
export function rowsAfter(
  scope: QueryScope,
  after: string | null,
  condition: RawBuilder<unknown> = sql`true`,
): RawBuilder<unknown> {
  if (after === null) return inOrder(scope, condition)
  const key = keyOf(scope)
  const from = castKey(scope, after)
  const isAgain = sql`(${key} >= ${from} or ${key} is null)`
  return inOrder(scope, sql`${condition} and ${scope.plan.custom ? isAgain : sql`${key} > ${from}`}`)
}

/** The rows of what is left of a range, in order of the key. Those without a key are in the range without an end. */
export function rowsInRange(scope: QueryScope, { after, to, reached }: KeyRange): RawBuilder<unknown> {
  const key = keyOf(scope)
  const above = after === null ? sql`true` : sql`${key} > ${castKey(scope, after)}`
  if (to !== null) return rowsAfter(scope, reached, sql`${above} and ${key} <= ${castKey(scope, to)}`)
  return rowsAfter(scope, reached, scope.plan.custom ? sql`(${above} or ${key} is null)` : above)
}

/** The first and every so many-th key of what is left of a range. */
export async function everyKey(
  source: Session,
  scope: QueryScope,
  { after, to, reached }: KeyRange,
  every: number,
): Promise<readonly string[]> {
  const from = reached ?? after
  const above = from === null ? sql`k.key is not null` : sql`k.key::bigint > ${from}::bigint`
  const below = to === null ? sql`true` : sql`k.key::bigint <= ${to}::bigint`
  const rows = await source.rows(
    compile(sql<{ key: string }>`
      select numbered.key
      from (
        select k.key, row_number() over () as place
        from (${keysOf(scope)}) k (key)
        where ${above} and ${below}
      ) numbered
      where numbered.place = 1 or numbered.place % ${every}::bigint = 0`),
  )
  return rows.map(({ key }) => key)
}

/** The rows with these keys that exist and come after `after`, in order of the key. */
export function rowsOf(
  scope: QueryScope,
  keys: readonly string[],
  after: string | null = null,
): RawBuilder<unknown> {
  return rowsAfter(scope, after, hasKey(scope, keys))
}

/** The rows that changed since the low watermark, and those with these keys, from `after` on. */
export function changedRows(
  scope: QueryScope,
  { low, keys }: ChangedRows,
  after: string | null = null,
): RawBuilder<unknown> {
  const { custom } = scope.plan
  if (!custom || low === undefined) return rowsOf(scope, keys, after)
  const isChanged = changedSince(custom, low, scope.findsPassed ? passed('low') : undefined)
  return rowsAfter(
    scope,
    after,
    keys.length === 0 ? isChanged : sql`(${isChanged} or ${hasKey(scope, keys)})`,
  )
}

const settings = { low: 'chatwoot_sync.read_low', keys: 'chatwoot_sync.read_keys' } as const

/**
 * Passes to the transaction what such a query finds in settings. A COPY takes no parameters, and as part of its text a server would show these
 * values while it runs, log them where it is slow, and keep each text in pg_stat_statements, one for every run.
 */
export function passedTo({ low, keys }: ChangedRows): CompiledQuery {
  const bound = low === undefined ? '' : formatMicros(low)
  return compile(sql`
    select
      pg_catalog.set_config(${sql.lit(settings.low)}, ${bound}, true) is not null as low,
      pg_catalog.set_config(${sql.lit(settings.keys)}, ${JSON.stringify(keys)}, true) is not null as keys`)
}

/** The text of such a value. The planner looks it up to estimate by it, as it would with a parameter. */
const passed = (value: keyof typeof settings) =>
  sql<string>`pg_catalog.current_setting(${sql.lit(settings[value])})`

/** Whether a row has one of these keys. */
export function hasKey(scope: QueryScope, keys: readonly string[]): RawBuilder<unknown> {
  const list = scope.findsPassed ? passed('keys') : JSON.stringify(keys)
  return sql`${keyOf(scope)} = any(array(select json_array_elements_text(${list}::json))::${sql.raw(keyType(scope))}[])`
}

/** Which of these keys exist, in these letters. They may come from the target, and be none that the source's type can hold. */
export async function findInSource(
  source: Session,
  scope: QueryScope,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  const { plan } = scope
  const { key, columns } = plan.load
  const isSameType = columns.some(({ name, type }) => name === key && type === keyType(scope))
  const list = sql`array(select json_array_elements_text(${JSON.stringify(keys)}::json))`
  const isAmong = isSameType ? hasKey(scope, keys) : sql`${keyOf(scope)}::text = any(${list})`
  const rows = await source.rows(
    compile(sql<{ key: string }>`
      select v.${sql.id(key)}::text as key
      from (${rowsWhere(scope, isAmong)}) v`),
  )
  return new Set(rows.map((row) => row.key))
}

function inOrder(scope: QueryScope, condition: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`${rowsWhere(scope, condition)} order by ${keyOf(scope)}`
}

/** The rows under a condition on `r`, in no order. */
export function rowsWhere(scope: QueryScope, condition: RawBuilder<unknown>): RawBuilder<unknown> {
  const { plan } = scope
  if (plan.custom) return rows(plan.custom, condition, privacyOf(plan))
  return conversations(
    plan.load.columns.map((column) => rowColumn(scope, column)),
    condition,
    rowOptions(scope),
  )
}

function rowColumn(
  { plan, sendJsonAs }: QueryScope,
  { name, definition }: { readonly name: string; readonly definition: ColumnType },
): RowColumn {
  const how = plan.protection.columns.get(name)
  const asJson = columnsAsJson[name]
  const isJsonb = isBuiltIn(definition) && definition.kind === 'jsonb'
  if (sendJsonAs === undefined || asJson === undefined || !isJsonb || how) {
    return { name, type: commonName(definition), cell: cellOf(cellNameOf(name, plan.isFirst), how) }
  }
  const json = sql`r.${sql.id(asJson)}`
  return sendJsonAs === 'text'
    ? { name, type: 'text', cell: json }
    : { name, type: 'bytea', cell: jsonbBytes(json) }
}

/** A cell of `r` as it is loaded. */
export function cellOf(name: string, how: Protection | undefined): RawBuilder<unknown> {
  const cell = sql`r.${sql.id(name)}`
  return how ? protect(cell, how) : cell
}

/**
 * What is compared with the target before a conversation is read: what would be loaded, so that protected columns are compared as they are
 * stored. Undefined where the target may hold something else than what was loaded, or not all of it: then each conversation is read.
 */
export interface Look {
  /** Of a conversation whose contact changed: what it shows of that contact. */
  readonly ofContact: ContactCells | undefined
  /**
   * Of a conversation whose stamp moved: the stamp, and all that it shows of its own row and labels. If the stamp is the same, a run has read
   * the conversation after it was set, with all that its transaction wrote. Should a later transaction have set the same one again, it shows in
   * the other columns.
   */
  readonly ofOwn: readonly ShownCell[] | undefined
}

export function planLook(
  { plan: { load, protection, custom, isFirst } }: QueryScope,
  { hasTransform }: { readonly hasTransform: boolean },
): Look {
  if (custom || hasTransform || !isCountable(load)) return { ofContact: undefined, ofOwn: undefined }
  const find = (name: string) => load.columns.find((column) => column.name === name)
  const shown = (name: string, from = name): ShownCell[] => {
    const column = find(name)
    return column ? [{ column, loaded: cellOf(from, protection.columns.get(name)) }] : []
  }
  const isTold = (name: string) =>
    find(name) !== undefined && (ownLeaves.includes(name) || !protection.columns.has(name))
  const texts = protection.columns.get('empty_texts') === 'exclude' ? undefined : find('empty_texts')
  const isComparable = !texts || isTexts(texts)
  const empty = (part: keyof typeof emptyTexts): ShownCell[] =>
    texts ? [{ column: { ...texts, type: 'text', definition: plainText }, ...emptyTexts[part] }] : []
  return {
    ofContact:
      find('contact_id') && isComparable
        ? {
            contact: [...contactColumns.flatMap((name) => shown(name)), ...empty('contact')],
            client: [...shown('client_phone', 'contact_phone'), ...empty('client')],
            knowsClient:
              find('client_sender_id') !== undefined && !protection.columns.has('client_sender_id'),
          }
        : undefined,
    ofOwn: !isFirst && ownColumns.every(isTold) ? ownColumns.flatMap((name) => shown(name)) : undefined,
  }
}

const isTexts = ({ definition: { element } }: Column) => element !== undefined && isText(element.kind)

/** Every key, in order. */
export function keysOf(scope: QueryScope): RawBuilder<unknown> {
  return scope.plan.custom ? allKeys(scope.plan.custom, scope.plan) : conversationKeys(rowOptions(scope))
}

export const keyOf = ({ plan }: QueryScope): RawBuilder<unknown> => sql`r.${sql.id(plan.load.key)}`

/** A key as the source compares it. */
export function castKey(scope: QueryScope, key: string): RawBuilder<unknown> {
  return sql`${key}::${sql.raw(keyType(scope))}`
}

function keyType({ plan }: QueryScope): string {
  const columns = plan.custom?.relation.columns ?? plan.load.columns
  return columns.find(({ name }) => name === plan.load.key)?.type ?? 'text'
}

const privacyOf = ({ protection, forgotten }: Pick<Plan, 'protection' | 'forgotten'>) => ({
  protections: protection.columns,
  forgotten,
})

function rowOptions({ plan, options, timeZones }: QueryScope): RowOptions {
  const known = Object.entries(timeZones).flatMap(([name, isKnown]) => (isKnown ? [name] : []))
  const { timeZone, chatwootUrl, accounts, inboxes, messageTexts } = options
  const { tables } = plan
  return {
    tables,
    timeZone,
    chatwootUrl,
    accounts,
    inboxes,
    messageTexts,
    knownTimeZones: known,
    forgotten: plan.forgotten,
  }
}
