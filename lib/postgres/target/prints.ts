import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { tableOf, type Column } from '../driver/catalog.js'
import type { Session, Side } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { isForeign } from '../driver/texts.js'
import { commonName, type TypeKind } from '../driver/types/column-type.js'
import { comparable, type Comparable } from '../driver/types/comparison.js'
import { comparedColumns, type LoadPlan } from './load-plan.js'

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
export function comparableCell(
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

/** Something that a row shows of a part of the source. */
export interface ShownCell {
  readonly column: Column
  /** What a run would load, as the source computes it. */
  readonly loaded: RawBuilder<unknown>
  /** What the target holds, over `t`. (Default: the column.) */
  readonly stored?: RawBuilder<unknown> | undefined
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

/** A conversation with the fingerprint of what would be loaded of it. */
export interface ConversationPrint {
  readonly id: string
  readonly print: string | null
}

/** Ids of the conversations that the target does not hold as they are now. One that it lacks or holds as deleted is among them. */
export function conversationsThatChanged(
  target: Session,
  load: LoadPlan,
  cells: readonly ShownCell[],
  conversations: readonly ConversationPrint[],
): CompiledQuery<{ readonly id: string }> {
  const key = sql`t.${sql.id(load.key)}`
  return compile(sql<{ readonly id: string }>`
    select listed.id::text as id
    from json_to_recordset(${JSON.stringify(conversations)}::json) listed (
      id integer,
      print bigint
    )
    left join ${tableOf(load.table)} t on ${key} = listed.id
    where (
      ${key} is not null
      and ${isLive(load)}
      and ${printStored(cells, target)} = listed.print
    ) is not true`)
}

const isLive = ({ table }: LoadPlan) =>
  table.columns.some(({ name }) => name === 'deleted_at') ? sql`t.deleted_at is null` : sql`true`

/** What is compared of a conversation: all that it shows of its contact, and of the contact who wrote first. */
export interface ContactCells {
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

/**
 * Ids of the conversations that the target does not hold with the contact as it is now. One that it lacks, holds as deleted or under another
 * contact is among them.
 */
export function conversationsThatDiffer(
  target: Session,
  load: LoadPlan,
  { contact, client, knowsClient }: ContactCells,
  contacts: readonly ContactPrint[],
): CompiledQuery<{ readonly id: string }> {
  const listed = contacts.map(({ own, other, ...each }) => {
    return { ...each, own: `{${own.join(',')}}`, other: `{${other.join(',')}}` }
  })
  const key = sql`t.${sql.id(load.key)}`
  const isOthers = knowsClient ? sql`t.client_sender_id::text is distinct from changed.contact or` : sql``
  return compile(sql<{ readonly id: string }>`
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
      and ${isLive(load)}
      and (
        not affected.is_own
        or (t.contact_id::text = changed.contact and ${printStored(contact, target)} = changed."contactPrint")
      )
      and (${isOthers} ${printStored(client, target)} = changed."clientPrint")
    ) is not true`)
}
