import { sql, type RawBuilder } from 'kysely'

import { contactColumns, type ChangedContact, type ContactPrints } from '../../chatwoot/contact-feed.js'
import type { Column } from '../../postgres/driver/catalog.js'
import { tableOf } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { isText, plainText } from '../../postgres/driver/types/column-type.js'
import { fingerprint } from '../../postgres/target/fingerprints.js'
import { isCountable } from '../../postgres/target/load-plan.js'
import { cellOf, type QueryScope } from './queries.js'

/** Something that a conversation shows of a contact. */
interface ShownCell {
  readonly column: Column
  /** What a run would load, over `r`. */
  readonly loaded: RawBuilder<unknown>
  /** What the target holds, over `t`. */
  readonly stored: RawBuilder<unknown>
}

/**
 * How the conversations of a contact that changed are compared with the target before they are read. A fingerprint is made of what would
 * be loaded, so that protected columns are compared as they are stored.
 */
export interface ContactLook {
  readonly contact: readonly ShownCell[]
  readonly client: readonly ShownCell[]
  /** Whether the target tells who wrote first. */
  readonly knowsClient: boolean
}

/** Undefined where the target does not show what a conversation was loaded with: then each of them is read. */
export function planContactLook(
  { plan }: QueryScope,
  { hasTransform }: LookOptions,
): ContactLook | undefined {
  const { load, protection, custom } = plan
  const find = (name: string) => load.columns.find((column) => column.name === name)
  const empty = find('empty_texts')
  const hasTexts = empty && protection.columns.get(empty.name) !== 'exclude'
  const isReadable = !hasTexts || (empty.definition.element && isText(empty.definition.element.kind))
  if (custom || hasTransform || !isCountable(load) || !find('contact_id') || !isReadable) return undefined
  const phone = find('client_phone')
  return {
    contact: [
      ...contactColumns.flatMap((name) => shown(plan, find(name), name)),
      ...(hasTexts ? [ownEmptyTexts] : []),
    ],
    client: [...shown(plan, phone, 'contact_phone'), ...(hasTexts ? [emptyClientPhone] : [])],
    knowsClient: find('client_sender_id') !== undefined && !protection.columns.has('client_sender_id'),
  }
}

export interface LookOptions {
  readonly hasTransform: boolean
}

/** A column of the table that gets a column of the contact. */
function shown(
  { protection }: Pick<QueryScope['plan'], 'protection'>,
  column: Column | undefined,
  from: string,
): ShownCell[] {
  if (!column) return []
  const loaded = cellOf(from, protection.columns.get(column.name))
  return [{ column, loaded, stored: sql`t.${sql.id(column.name)}` }]
}

const textNamed = (name: string): Column => ({ name, type: 'text', definition: plainText })

/** The part of `empty_texts` that is about the contact of the conversation. */
const ownEmptyTexts: ShownCell = {
  column: textNamed('empty_texts'),
  loaded: sql`r.empty_texts::text`,
  stored: sql`coalesce(array_remove(array_remove(t.empty_texts::text[], 'assignee_email'), 'client_phone'), '{}')::text`,
}

/** The part that is about the contact who wrote first. */
const emptyClientPhone: ShownCell = {
  column: textNamed('empty_texts'),
  loaded: sql`('contact_phone' = any(r.empty_texts))::text`,
  stored: sql`coalesce('client_phone' = any(t.empty_texts::text[]), false)::text`,
}

const nothing: ContactPrints = { contactPrint: sql`null`, clientPrint: sql`null` }

/** The fingerprints that the source is asked for. */
export function contactPrints(look: ContactLook | undefined, source: Session): ContactPrints {
  if (!look) return nothing
  const print = (cells: readonly ShownCell[]) => printOf(cells, ({ loaded }) => loaded, source)
  return { contactPrint: print(look.contact), clientPrint: print(look.client) }
}

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
 * Ids of the conversations among them that have to be read: all that the target does not show with the contact as it is now. `known` are
 * read anyway. Run it in the snapshot in which they will be read, and before anything is written.
 */
export async function conversationsToRead(
  scope: QueryScope & { readonly target: Session },
  look: ContactLook | undefined,
  contacts: readonly ChangedContact[],
  known: ReadonlySet<string>,
): Promise<string[]> {
  const unknown = (ids: string | null) => listOf(ids).filter((id) => !known.has(id))
  const lost = contacts.flatMap((contact) => unknown(contact.lost_ids))
  const left = contacts
    .map((contact) => ({ ...contact, own: unknown(contact.own_ids), other: unknown(contact.other_ids) }))
    .filter(({ own, other }) => own.length + other.length > 0)
  if (left.length === 0) return lost
  if (!look) return [...lost, ...left.flatMap(({ own, other }) => [...own, ...other])]
  const listed = left.map(({ contact_id, contact_print, client_print, own, other }) => {
    const ids = { own_ids: `{${own.join(',')}}`, other_ids: `{${other.join(',')}}` }
    return { contact_id, contact_print, client_print, ...ids }
  })
  const rows = await scope.target.rows(compile(differing(scope, look, JSON.stringify(listed))))
  return [...lost, ...rows.map(({ id }) => id)]
}

const listOf = (ids: string | null): string[] => ids?.slice(1, -1).split(',') ?? []

/** Of the listed conversations those that are not proven to be as they would be loaded. */
function differing(
  { plan: { load }, target }: QueryScope & { readonly target: Session },
  { contact, client, knowsClient }: ContactLook,
  listed: string,
): RawBuilder<{ readonly id: string }> {
  const key = sql`t.${sql.id(load.key)}`
  const isLive = load.table.columns.some(({ name }) => name === 'deleted_at')
    ? sql`t.deleted_at is null`
    : sql`true`
  const print = (cells: readonly ShownCell[]) => printOf(cells, ({ stored }) => stored, target)
  const isOthers = knowsClient ? sql`t.client_sender_id::text is distinct from changed.contact_id or` : sql``
  return sql`
    select affected.id::text as id
    from json_to_recordset(${listed}::json) changed (
      contact_id text,
      contact_print bigint,
      client_print bigint,
      own_ids text,
      other_ids text
    )
    cross join lateral (
      select own.id, true as is_own
      from unnest(changed.own_ids::integer[]) own (id)
      union all
      select other.id, false as is_own
      from unnest(changed.other_ids::integer[]) other (id)
    ) affected
    left join ${tableOf(load.table)} t on ${key} = affected.id
    where (
      ${key} is not null
      and ${isLive}
      and (
        not affected.is_own
        or (t.contact_id::text = changed.contact_id and ${print(contact)} = changed.contact_print)
      )
      and (${isOthers} ${print(client)} = changed.client_print)
    ) is not true`
}
