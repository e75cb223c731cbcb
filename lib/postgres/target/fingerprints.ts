import { sql, type RawBuilder } from 'kysely'

import { tableOf, type Column } from '../driver/catalog.js'
import { isForeign, recordableBy } from '../driver/texts.js'
import type { Session, Side } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { commonName, type TypeKind } from '../driver/types/column-type.js'
import { comparable, type Comparable } from '../driver/types/comparison.js'
import { comparedColumns, inScope, keyColumnOf, type LoadPlan } from './load-plan.js'

/** One half of a comparison: rows as a query with the columns of the plan, in their order. */
export interface Half {
  readonly session: Session
  readonly rows: RawBuilder<unknown>
}

/** Number of rows and sum of their fingerprints, by group. */
export type Sums = ReadonlyMap<string, string>

/**
 * The fingerprint of a row is a hash of its values, each in the type of the target's column, so that both servers compute the same one;
 * texts have one form by the settings of the transaction. These hash functions give the same numbers on every release since 11.
 */
export async function sumFingerprints(half: Half, plan: LoadPlan, group: RawBuilder<unknown>): Promise<Sums> {
  const rows = await half.session.rows(
    compile(sql<{ group: string; sums: string }>`
    select
      grouped::text as "group",
      count(*)::text || ':' || sum(fingerprint)::text as sums
    from (
      select
        ${group} as grouped,
        ${fingerprint(plan, half.session)} as fingerprint
      from (${half.rows}) v
    ) each_row
    group by grouped`),
  )
  return new Map(rows.map(({ group: name, sums }) => [name, sums]))
}

/** One row of a half. */
export interface Fingerprint {
  /** Its key as this side writes it. */
  readonly key: string
  readonly fingerprint: string
}

/**
 * The fingerprint of each row by its key in the type of the target's column, as one side may write a key another way than the other, and
 * the source may have several of one.
 */
export async function listFingerprints(
  half: Half,
  plan: LoadPlan,
): Promise<ReadonlyMap<string, readonly Fingerprint[]>> {
  const shown = recordableBy(half.session.encoding())
  const rows = await half.session.rows(
    compile(sql<Fingerprint & { readonly same_key: string }>`
    select
      ${shown.of(sql`v.${sql.id(plan.key)}::text`)} as key,
      ${shown.of(sql`(${comparableCell(plan, keyColumnOf(plan), half.session.side).value})::text`)} as same_key,
      ${fingerprint(plan, half.session)}::text as fingerprint
    from (${half.rows}) v`),
  )
  const byKey = new Map<string, Fingerprint[]>()
  for (const { key, same_key: same, fingerprint: hash } of rows) {
    const sameKey = shown.read(same)
    byKey.set(sameKey, [...(byKey.get(sameKey) ?? []), { key: shown.read(key), fingerprint: hash }])
  }
  return byKey
}

/** A row with every column as text, and its key as its side writes it. */
export interface TextRow {
  readonly key: string
  readonly texts: Readonly<Record<string, string | null>>
}

/** The rows with every column as text, in the type of the target's column. */
export async function listTexts({ session, rows }: Half, plan: LoadPlan): Promise<readonly TextRow[]> {
  const texts = plan.columns.map((column) => {
    const { value } = comparableCell(plan, column, session.side)
    return sql`(${value})::text as ${sql.id(column.name)}`
  })
  const keyName = 'chatwoot_sync_key'
  const found = await session.rows(
    compile(sql<TextRow['texts']>`
    select ${sql.join([sql`v.${sql.id(plan.key)}::text as ${sql.id(keyName)}`, ...texts])}
    from (${rows}) v`),
  )
  return found.map((row) => ({ key: row[keyName] ?? '', texts: row }))
}

/** The rows of this pipeline in the target that are not soft-deleted, under a condition on `r`. */
export function liveRows(plan: LoadPlan, condition: RawBuilder<unknown>): RawBuilder<unknown> {
  const { table, columns } = plan
  const isLive = table.columns.some(({ name }) => name === 'deleted_at')
    ? sql`r.deleted_at is null`
    : sql`true`
  return sql`
    select ${sql.join(columns.map(({ name }) => sql`r.${sql.id(name)}`))}
    from ${tableOf(table)} r
    where ${isLive} and ${inScope(plan, 'r')} and ${condition}`
}

/** Those of them with these keys. */
export function liveRowsOf(plan: LoadPlan, keys: readonly string[]): RawBuilder<unknown> {
  return liveRows(plan, hasLiveKey(plan, keys))
}

/** Whether a row `r` of the target has one of these keys. */
export function hasLiveKey({ key, columns }: LoadPlan, keys: readonly string[]): RawBuilder<unknown> {
  const type = columns.find(({ name }) => name === key)?.type ?? 'text'
  const list = sql`array(select json_array_elements_text(${JSON.stringify(keys)}::json))::${sql.raw(type)}[]`
  return sql`r.${sql.id(key)} = any(${list})`
}

/** A condition without the rows of some keys; `isOne` says whether a row is one of them. */
export function andNot(
  condition: RawBuilder<unknown>,
  keys: readonly string[],
  isOne: () => RawBuilder<unknown>,
): RawBuilder<unknown> {
  return keys.length === 0 ? condition : sql`${condition} and (${isOne()}) is not true`
}

/** The keys of rows. */
export async function listKeys({ session, rows }: Half, { key }: LoadPlan): Promise<string[]> {
  const found = await session.rows(
    compile(sql<{ key: string }>`select v.${sql.id(key)}::text as key from (${rows}) v`),
  )
  return found.map((row) => row.key)
}

/** Every so many-th key of the target, in order: the borders of ranges that hold about as many rows each. */
export async function rangeBorders(target: Session, plan: LoadPlan, rowsPerRange: number): Promise<string[]> {
  const rows = await target.rows(
    compile(sql<{ key: string }>`
    select numbered.key::text as key
    from (
      select
        r.${sql.id(plan.key)} as key,
        row_number() over (order by r.${sql.id(plan.key)}) as place
      from (${liveRows(plan, sql`true`)}) r
    ) numbered
    where numbered.place % ${rowsPerRange}::bigint = 0
    order by numbered.key`),
  )
  return rows.map(({ key }) => key)
}

/**
 * The fingerprint of a row `v`: hashes of the columns, of each type together, hashed once more. Hashing the row's text would cost three times
 * as much.
 */
export function fingerprint(
  plan: Pick<LoadPlan, 'columns' | 'conversions' | 'ignored'>,
  session: Session,
): RawBuilder<unknown> {
  const byType = new Map<string, RawBuilder<unknown>[]>()
  for (const column of comparedColumns(plan)) {
    const { type, value } = inUtf8(comparableCell(plan, column, session.side), session)
    byType.set(type, [...(byType.get(type) ?? []), value])
  }
  const hashOf = (values: readonly RawBuilder<unknown>[]) =>
    sql`hash_array_extended(array[${sql.join(values)}], 0)`
  return hashOf([...byType.values()].map(hashOf))
}

interface HashedCell {
  readonly type: string
  readonly value: RawBuilder<unknown>
}

/** A text and its bytes have the same hash, so that only a database in another encoding has to convert. */
function inUtf8(cell: HashedCell, session: Session): HashedCell {
  if (cell.type !== 'text' || !isForeign(session.encoding())) return cell
  return { type: 'bytea', value: sql`convert_to((${cell.value})::text, 'UTF8')` }
}

/** The cell of `v` in a form of which both servers compute the same hash, and which is the same for the same value. */
function comparableCell(
  { conversions }: Pick<LoadPlan, 'conversions'>,
  { name, definition }: Column,
  side: Side,
): Comparable {
  const cell = sql`v.${sql.id(name)}`
  const comparison = conversions.get(name)
  if (comparison) return comparable(comparison, definition, cell, side === 'source' ? 'exact' : 'stored')
  const type = commonName(definition)
  const value = sql`${cell}::${sql.raw(type)}`
  if (hashedAsTheyAre.has(definition.kind)) return { type, value }
  if (definition.kind === 'boolean') return { type: 'integer', value: sql`(${value})::integer` }
  return { type: 'text', value: sql`(${value})::text collate "C"` }
}

/** Types of which equal hashes mean equal texts; not so numeric, to which 1 and 1.0 are equal. */
const hashedAsTheyAre: ReadonlySet<TypeKind> = new Set<TypeKind>([
  ...(['smallint', 'integer', 'bigint', 'timestamp', 'timestamptz'] as const),
])

/** Something that a conversation shows of a contact. */
export interface ShownCell {
  readonly column: Column
  /** What a run would load, as the source computes it. */
  readonly loaded: RawBuilder<unknown>
  /** What the target holds, over `t`. (Default: the column.) */
  readonly stored?: RawBuilder<unknown> | undefined
}

/** What is compared of a conversation: all that it shows of its contact, and of the contact who wrote first. */
export interface ShownCells {
  readonly contact: readonly ShownCell[]
  readonly client: readonly ShownCell[]
  /** Whether the target knows who wrote first. */
  readonly knowsClient: boolean
}

/** A contact with the fingerprints of what would be loaded of it, and its conversations. */
export interface ContactPrint {
  readonly contact: string
  /** For its own conversations. */
  readonly contactPrint: string | null
  /** For every conversation in which it wrote first. */
  readonly clientPrint: string | null
  readonly own: readonly string[]
  /** In which it wrote, and that are another one's. */
  readonly other: readonly string[]
}

/** The fingerprint of what would be loaded, for the source to compute. */
export const printLoaded = (cells: readonly ShownCell[], source: Session): RawBuilder<unknown> =>
  printOf(cells, ({ loaded }) => loaded, source)

const printStored = (cells: readonly ShownCell[], target: Session): RawBuilder<unknown> =>
  printOf(cells, ({ column, stored }) => stored ?? sql`t.${sql.id(column.name)}`, target)

function printOf(
  cells: readonly ShownCell[],
  cellOfSide: (cell: ShownCell) => RawBuilder<unknown>,
  session: Session,
): RawBuilder<unknown> {
  if (cells.length === 0) return sql`0`
  const columns = cells.map(({ column }) => column)
  const list = cells.map((cell) => sql`${cellOfSide(cell)} as ${sql.id(cell.column.name)}`)
  return sql`(select ${fingerprint({ columns, conversions: new Map() }, session)} from (select ${sql.join(list)}) v)`
}

/**
 * Ids of the conversations that the target does not hold with the contact as it is now. One that it lacks, holds as deleted or under another
 * contact is among them.
 */
export async function conversationsThatDiffer(
  target: Session,
  load: LoadPlan,
  { contact, client, knowsClient }: ShownCells,
  contacts: readonly ContactPrint[],
): Promise<string[]> {
  const listed = contacts.map(({ own, other, ...each }) => {
    return { ...each, own: `{${own.join(',')}}`, other: `{${other.join(',')}}` }
  })
  const key = sql`t.${sql.id(load.key)}`
  const hasDeleted = load.table.columns.some(({ name }) => name === 'deleted_at')
  const isLive = hasDeleted ? sql`t.deleted_at is null` : sql`true`
  const isOthers = knowsClient ? sql`t.client_sender_id::text is distinct from changed.contact or` : sql``
  const rows = await target.rows(
    compile(sql<{ readonly id: string }>`
    select affected.id::text as id
    from json_to_recordset(${JSON.stringify(listed)}::json) changed (
      contact text,
      "contactPrint" bigint,
      "clientPrint" bigint,
      own text,
      other text
    )
    cross join lateral (
      select listed.id, true as is_own
      from unnest(changed.own::integer[]) listed (id)
      union all
      select listed.id, false as is_own
      from unnest(changed.other::integer[]) listed (id)
    ) affected
    left join ${tableOf(load.table)} t on ${key} = affected.id
    where (
      ${key} is not null
      and ${isLive}
      and (
        not affected.is_own
        or (t.contact_id::text = changed.contact and ${printStored(contact, target)} = changed."contactPrint")
      )
      and (${isOthers} ${printStored(client, target)} = changed."clientPrint")
    ) is not true`),
  )
  return rows.map(({ id }) => id)
}
