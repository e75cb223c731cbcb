import { sql, type RawBuilder } from 'kysely'

import { keyColumnsOf, tableOf, type Relation } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

export interface Forgotten {
  readonly pipeline: string
  readonly contactId: number
}

/**
 * Keeps a contact out of later runs and returns since when. For a contact that is forgotten already, that time stays, and a new comment
 * replaces the old one.
 */
export async function recordForgotten(
  { db }: Session,
  { pipeline, contactId, comment }: Forgotten & { readonly comment: string | null },
): Promise<string> {
  const row = await db
    .insertInto('etl_forgotten')
    .values({ pipeline, contact_id: String(contactId), comment })
    .onConflict((conflict) =>
      conflict
        .columns(['pipeline', 'contact_id'])
        .doUpdateSet({ comment: sql<string | null>`coalesce(excluded.comment, etl_forgotten.comment)` }),
    )
    .returning(forgottenAt)
    .executeTakeFirstOrThrow()
  return row.forgotten_at
}

/** Lets later runs read a contact again. */
export async function removeForgotten({ db }: Session, { pipeline, contactId }: Forgotten): Promise<void> {
  await db
    .deleteFrom('etl_forgotten')
    .where('pipeline', '=', pipeline)
    .where('contact_id', '=', String(contactId))
    .execute()
}

/** Since when a contact is forgotten; null when it is not. */
export async function forgottenSince(
  { db }: Session,
  { pipeline, contactId }: Forgotten,
): Promise<string | null> {
  const row = await db
    .selectFrom('etl_forgotten')
    .select(forgottenAt)
    .where('pipeline', '=', pipeline)
    .where('contact_id', '=', String(contactId))
    .executeTakeFirst()
  return row?.forgotten_at ?? null
}

const forgottenAt = sql<string>`forgotten_at::text`.as('forgotten_at')

/**
 * Entries of `etl_rejects` that belong to the contact: those of rows that the table still holds in an older version, and those whose kept
 * content names the contact. An entry that keeps no content holds nothing but a key, and the next run drops it.
 */
export async function countRejectsOfContact(
  { db }: Session,
  table: Relation,
  contact: Forgotten,
): Promise<number> {
  const { isOwn, mentions } = rejectsOf(table, contact)
  const { entries } = await db
    .selectFrom('etl_rejects')
    .select(sql<string>`count(*)::text`.as('entries'))
    .where('pipeline', '=', contact.pipeline)
    .where(({ or }) => or([isOwn, mentions]))
    .executeTakeFirstOrThrow()
  return Number(entries)
}

/**
 * Deletes these entries and returns how many there were; of those that may only hold a message of the contact, the content alone. To be
 * called before `deleteRowsOfContact`, as the rows of the table show whose an entry is.
 */
export async function deleteRejectsOfContact(
  { db }: Session,
  table: Relation,
  contact: Forgotten,
): Promise<number> {
  const { isOwn, mentions } = rejectsOf(table, contact)
  const deleted = await db
    .deleteFrom('etl_rejects')
    .where('pipeline', '=', contact.pipeline)
    .where(isOwn)
    .returning('row_key')
    .execute()
  const emptied = await db
    .updateTable('etl_rejects')
    .set({ row_data: null })
    .where('pipeline', '=', contact.pipeline)
    .where(mentions)
    .returning('row_key')
    .execute()
  return deleted.length + emptied.length
}

/**
 * Conditions on entries of `etl_rejects`: that it is a row of the contact, and that a message in it may be. Kept messages are searched as
 * text, as a rejected text may not be JSON: an agent can have the same id as the contact.
 */
function rejectsOf(table: Relation, { contactId }: Forgotten) {
  const id = String(contactId)
  const [key, ...others] = keyColumnsOf(table.writing.keys)
  // With two unique columns, nothing here shows which is the key of the pipeline.
  const isStored =
    key === undefined || others.length > 0
      ? sql`false`
      : sql`row_key in (select t.${sql.id(key)}::text from ${tableOf(table)} t where ${isOf(table, contactId)})`
  return {
    isOwn: sql<boolean>`(
      ${id}::text in (row_data ->> 'contact_id', row_data ->> 'client_sender_id')
      or ${isStored}
    )`,
    mentions: sql<boolean>`row_data ->> 'message_compiled' ~ ${`"sender_id": *"?${id}"?[,}]`}::text`,
  }
}

/** Rows that hold data of one contact. */
export interface RowsOfContact {
  /** Conversations of the contact. */
  readonly own: number
  /** Conversations of other contacts in which this one wrote. */
  readonly others: number
}

/** How many rows of the table hold data of the contact, soft-deleted ones included. */
export async function countRowsOfContact(
  target: Session,
  table: Relation,
  contactId: number,
): Promise<RowsOfContact> {
  const rows = sql`select contact_id from ${tableOf(table)} t where ${isOf(table, contactId)}`
  return countsOf(target, rows, contactId)
}

/** Deletes these rows for good. */
export async function deleteRowsOfContact(
  target: Session,
  table: Relation,
  contactId: number,
): Promise<RowsOfContact> {
  const deleted = sql`delete from ${tableOf(table)} t where ${isOf(table, contactId)} returning contact_id`
  return countsOf(target, deleted, contactId)
}

/** Notes in the states of all pipelines of this table that rows were deleted on purpose, so that no run warns of them. */
export async function noteDeletedRows(
  { db }: Session,
  { schema, name }: Relation,
  rows: number,
): Promise<void> {
  if (rows === 0) return
  const deletes = sql`to_jsonb(((state #>> '{identities,table,deletes}')::bigint + ${rows}::bigint)::text)`
  await db
    .updateTable('etl_control')
    .set({
      // The row that was marked may be among them.
      state: sql<string>`jsonb_set(state #- '{identities,marker}', '{identities,table,deletes}', coalesce(${deletes}, 'null'::jsonb))`,
    })
    .where('state', 'is not', null)
    .where(
      sql<boolean>`state #>> '{identities,table,oid}' = to_regclass(format('%I.%I', ${schema}::text, ${name}::text))::oid::text`,
    )
    .execute()
}

async function countsOf(
  target: Session,
  statement: RawBuilder<unknown>,
  contactId: number,
): Promise<RowsOfContact> {
  const id = sql`${String(contactId)}::text`
  const [row] = await target.rows(
    compile(sql<{ own: string; others: string }>`
      with found as (${statement})
      select
        (count(*) filter (where contact_id::text = ${id}))::text as own,
        (count(*) filter (where contact_id::text is distinct from ${id}))::text as others
      from found`),
  )
  return { own: Number(row?.own ?? 0), others: Number(row?.others ?? 0) }
}

/** A conversation of another contact can hold messages of this one, as in a group. */
function isOf(table: Relation, contactId: number): RawBuilder<unknown> {
  const kindOf = (name: string) => table.columns.find((column) => column.name === name)?.definition.kind
  const id = sql`${String(contactId)}::text`
  const conditions = [sql`t.contact_id::text = ${id}`]
  if (kindOf('client_sender_id')) conditions.push(sql`t.client_sender_id::text = ${id}`)
  if (kindOf('message_compiled') === 'jsonb') {
    const written = JSON.stringify([{ sender: 'Contact', sender_id: contactId }])
    conditions.push(sql`t.message_compiled @> ${written}::jsonb`)
  }
  return sql`(${sql.join(conditions, sql` or `)})`
}
