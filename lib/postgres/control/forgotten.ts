import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { tableOf } from '../target/upsert.js'
import type { Relation } from '../driver/catalog.js'
import type { Cells, Session } from '../driver/session.js'
import { compile, target as db } from '../driver/statement.js'

/** The ids of the contacts whose conversations the runs of a pipeline leave out; `toForgotten` reads the rows. */
export const forgottenQuery = (pipeline: string): CompiledQuery =>
  db
    .selectFrom('etl_forgotten')
    .select(sql<string>`contact_id::text`.as('contact_id'))
    .where('pipeline', '=', pipeline)
    .orderBy('etl_forgotten.contact_id')
    .compile()

export function toForgotten(rows: readonly Cells[]): string[] {
  return rows.flatMap(([id]) => (id ? [id] : []))
}

export interface Forgotten {
  readonly pipeline: string
  readonly contactId: number
}

/** Keeps a contact out of later runs; gives since when. A contact that is forgotten already stays so since then. */
export async function rememberForgotten(
  target: Session,
  { pipeline, contactId, comment }: Forgotten & { readonly comment: string | null },
): Promise<string | null> {
  const [row] = await target.rows(
    db
      .insertInto('etl_forgotten')
      .values({ pipeline, contact_id: String(contactId), comment })
      .onConflict((conflict) =>
        conflict
          .columns(['pipeline', 'contact_id'])
          .doUpdateSet({ comment: sql`coalesce(excluded.comment, etl_forgotten.comment)` }),
      )
      .returning(sql<string>`forgotten_at::text`.as('forgotten_at'))
      .compile(),
  )
  return row?.[0] ?? null
}

/** Lets later runs read a contact again. */
export async function takeBackForgotten(target: Session, { pipeline, contactId }: Forgotten): Promise<void> {
  await target.rows(
    db
      .deleteFrom('etl_forgotten')
      .where('pipeline', '=', pipeline)
      .where('contact_id', '=', String(contactId))
      .compile(),
  )
}

/** Since when a contact is forgotten; null when it is not. */
export async function forgottenSince(
  target: Session,
  { pipeline, contactId }: Forgotten,
): Promise<string | null> {
  const [row] = await target.rows(
    db
      .selectFrom('etl_forgotten')
      .select(sql<string>`forgotten_at::text`.as('forgotten_at'))
      .where('pipeline', '=', pipeline)
      .where('contact_id', '=', String(contactId))
      .compile(),
  )
  return row?.[0] ?? null
}

/** Rows that hold data of one contact. */
export interface RowsOfContact {
  /** Conversations of the contact. */
  readonly own: number
  /** Conversations of other contacts in which this one wrote. */
  readonly others: number
}

export async function countRowsOfContact(
  target: Session,
  table: Relation,
  contactId: number,
): Promise<RowsOfContact> {
  return countsOf(
    target,
    sql`select contact_id from ${tableOf(table)} t where ${isOf(table, contactId)}`,
    contactId,
  )
}

/**
 * Entries of `etl_rejects` that are of the contact: those of rows that the table still holds in an older state, and those whose kept
 * content names the contact. An entry that keeps no content holds nothing but a key, and the next run drops it.
 */
export async function countRejectsOfContact(
  target: Session,
  table: Relation,
  contact: Forgotten,
): Promise<number> {
  return rejectsCount(
    target,
    sql`with found as (${rejectsOf(table, contact)}) select count(*)::text from found`,
  )
}

/** Deletes them, to be called before the rows of the table go. Where only a message may be the contact's, the content goes alone. */
export async function deleteRejectsOfContact(
  target: Session,
  table: Relation,
  contact: Forgotten,
): Promise<number> {
  return rejectsCount(
    target,
    sql`
    with found as (${rejectsOf(table, contact)}),
    deleted as (
      delete from etl_rejects r
      using found f
      where r.pipeline = ${contact.pipeline}::text
        and r.row_key = f.row_key
        and f.is_certain
    ),
    emptied as (
      update etl_rejects r
      set row_data = null
      from found f
      where r.pipeline = ${contact.pipeline}::text
        and r.row_key = f.row_key
        and not f.is_certain
    )
    select count(*)::text from found`,
  )
}

async function rejectsCount(target: Session, statement: RawBuilder<unknown>): Promise<number> {
  const [row] = await target.rows(compile(statement))
  return Number(row?.[0] ?? 0)
}

/** Kept messages are searched as text, as a text that was refused may be no json: an agent can have the same id as the contact. */
function rejectsOf(table: Relation, { pipeline, contactId }: Forgotten): RawBuilder<unknown> {
  const id = String(contactId)
  const [key, ...others] = table.uniqueColumns
  // With two of them, which one the pipeline goes by is not known here.
  const isStored =
    key === undefined || others.length > 0
      ? sql`false`
      : sql`r.row_key in (select t.${sql.id(key)}::text from ${tableOf(table)} t where ${isOf(table, contactId)})`
  return sql`
    select row_key, is_certain
    from (
      select
        r.row_key,
        coalesce(
          ${id}::text in (r.row_data ->> 'contact_id', r.row_data ->> 'client_sender_id') or ${isStored},
          false
        ) as is_certain,
        r.row_data ->> 'message_compiled' ~ ${`"sender_id": *"?${id}"?[,}]`}::text as is_written
      from etl_rejects r
      where r.pipeline = ${pipeline}::text
    ) entry
    where is_certain or is_written`
}

/** Deletes them for good, those that are marked deleted among them. */
export async function deleteRowsOfContact(
  target: Session,
  table: Relation,
  contactId: number,
): Promise<RowsOfContact> {
  const deleted = sql`delete from ${tableOf(table)} t where ${isOf(table, contactId)} returning contact_id`
  return countsOf(target, deleted, contactId)
}

async function countsOf(
  target: Session,
  statement: RawBuilder<unknown>,
  contactId: number,
): Promise<RowsOfContact> {
  const [row] = await target.rows(
    compile(sql`
    with found as (${statement})
    select
      (count(*) filter (where contact_id::text = ${String(contactId)}::text))::text,
      (count(*) filter (where contact_id::text is distinct from ${String(contactId)}::text))::text
    from found`),
  )
  return { own: Number(row?.[0] ?? 0), others: Number(row?.[1] ?? 0) }
}

/** Messages of a contact can stand in a conversation of another one, as in a group. */
function isOf(table: Relation, contactId: number): RawBuilder<unknown> {
  const typeOf = (name: string) => table.columns.find((column) => column.name === name)?.type
  const id = sql`${String(contactId)}::text`
  const conditions = [sql`t.contact_id::text = ${id}`]
  if (typeOf('client_sender_id')) conditions.push(sql`t.client_sender_id::text = ${id}`)
  if (typeOf('message_compiled') === 'jsonb') {
    const written = JSON.stringify([{ sender: 'Contact', sender_id: contactId }])
    conditions.push(sql`t.message_compiled @> ${written}::jsonb`)
  }
  return sql`(${sql.join(conditions, sql` or `)})`
}
