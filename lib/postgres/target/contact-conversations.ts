import { sql, type RawBuilder } from 'kysely'

import { tableOf, type Column } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { fingerprint } from './fingerprints.js'
import type { LoadPlan } from './load-plan.js'

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
