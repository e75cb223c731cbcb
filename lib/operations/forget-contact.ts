import { SyncError } from '../domain/errors.js'
import { checkSchemaName } from '../domain/schema-name.js'
import { defaults, type SyncOptions } from '../options.js'
import {
  countRejectsOfContact,
  countRowsOfContact,
  deleteRejectsOfContact,
  deleteRowsOfContact,
  forgottenSince,
  noteDeletedRows,
  recordForgotten,
  removeForgotten,
  type Forgotten,
  type RowsOfContact,
} from '../postgres/control/forgotten.js'
import { findLakes, type RegisteredLake } from '../postgres/control/lakes.js'
import { findCopies } from '../postgres/control/partitionings.js'
import { takeRunLock } from '../postgres/control/run-start.js'
import { describeTarget, type Relation } from '../postgres/driver/catalog.js'
import { openSession } from '../postgres/driver/connect.js'
import { tableIn } from '../postgres/driver/search-path.js'
import type { Session } from '../postgres/driver/session.js'
import { beginWriting } from '../postgres/driver/transaction.js'
import { forgetFromLakes, type ForgottenLake } from './forget-from-lakes.js'

export interface ForgetOptions extends Pick<SyncOptions, 'target' | 'schema' | 'table' | 'pipeline'> {
  /** Id of the contact in Chatwoot: the `contact_id` of the table. A whole number from 1. */
  readonly contactId: number
  /** Why, such as the number of the request; at most 200 characters, without personal data. (Default: none.) */
  readonly comment?: string | undefined
  /** Lets later runs read the contact again; the next full load restores what was deleted. (Default: false.) */
  readonly undo?: boolean | undefined
  /** Counts what would be deleted and changes nothing. (Default: false.) */
  readonly dryRun?: boolean | undefined
}

/** What was deleted or, in a dry run, would be. */
export interface ForgetReport {
  readonly pipeline: string
  readonly table: string
  readonly contactId: number
  readonly undo: boolean
  readonly dryRun: boolean
  /** Since when the contact is forgotten, as a text with an offset, after this call; null when it is not. */
  readonly forgottenAt: string | null
  /** Conversations of the contact. */
  readonly rowsOwn: number
  /** Conversations of other contacts in which this one wrote. */
  readonly rowsOfOthers: number
  /** Entries of `etl_rejects` that belonged to the contact, or whose kept content named it. */
  readonly rowsRejected: number
  /** Rows in copies of the table: as it was before `partition` has rebuilt it, and what is being built. */
  readonly rowsInCopies: number
  /** The lakes of the pipeline, which are written without the rows; in a dry run, those that would be. */
  readonly lakes: readonly ForgottenLake[]
}

/**
 * Erases a contact from the target: deletes for good every row that holds data of it, soft-deleted ones and its entries in `etl_rejects`
 * included, and keeps its conversations out of all later runs and comparisons of the pipeline. Both happen in one transaction, or neither.
 * Nothing is changed in Chatwoot. Copies of the table that `partition` has made lose the rows as well, in the same transaction. The lakes of
 * the pipeline are written without the rows after it, and earlier versions of them lose their files; where that fails, `lakes` says so.
 *
 * Not found is what nothing in the target links to the contact: a rejected conversation that never reached the table and whose content was
 * not kept is known by its key alone, and the next run drops that entry. And where Chatwoot merges the contact into another one afterwards,
 * its conversations come under the id of the other, which has to be forgotten as well.
 *
 * Needs the right to delete from the table, which runs do without. Throws LOCKED while a run is in progress, TARGET_COLUMN_MISSING for a
 * table without `contact_id`, CONFIG_INVALID or CONFIG_MISSING for options that cannot work, TARGET_NOT_MIGRATED, TARGET_POOLED behind a
 * pooler, TARGET_FORBIDDEN where a right is missing, and the other errors of the target.
 *
 * @example
 * const { rowsOwn } = await forgetContact({ target, contactId: 123, comment: 'request 2026-17' })
 */
export async function forgetContact(options: ForgetOptions): Promise<ForgetReport> {
  const { dryRun = false } = options
  checkOptions(options)
  // Runs can go on once the table is without the rows.
  const { lakes, ...report } = await forgetInTarget(options)
  if (!dryRun) return { ...report, lakes: await forgetFromLakes(options, lakes) }
  return {
    ...report,
    lakes: lakes.map(({ lake }) => ({ lake, version: null, filesRemoved: 0, error: null })),
  }
}

type Forgetting = Omit<ForgetReport, 'lakes'> & { readonly lakes: readonly RegisteredLake[] }

async function forgetInTarget(options: ForgetOptions): Promise<Forgetting> {
  const { contactId, comment = null, undo = false, dryRun = false } = options
  const { schema, table = defaults.table, pipeline = defaults.pipeline } = options
  const { connectTimeout } = defaults
  const connection = { applicationName: 'chatwoot-sync forget', connectTimeout, schema }
  await using target = await openSession('target', options.target, connection)
  // A run in progress would write again what it has read already.
  if (!dryRun) await takeRunLock(target, pipeline)
  const relation = requireContactId(await describeTarget(target, tableIn(schema, table)))
  const contact = { pipeline, contactId }
  await target.script(beginWriting(defaults))
  if (!dryRun && undo) await removeForgotten(target, contact)
  const { own, others, rejected, inCopies, forgottenAt } =
    dryRun || undo
      ? await count(target, relation, contact)
      : await forget(target, relation, { ...contact, comment })
  await target.script(['commit'])
  return {
    ...{ pipeline, table, contactId, undo, dryRun, forgottenAt },
    ...{ rowsOwn: own, rowsOfOthers: others, rowsRejected: rejected, rowsInCopies: inCopies },
    lakes: undo ? [] : await findLakes(target, pipeline),
  }
}

interface Found extends RowsOfContact {
  readonly rejected: number
  readonly inCopies: number
  readonly forgottenAt: string | null
}

async function forget(
  target: Session,
  table: Relation,
  contact: Forgotten & { readonly comment: string | null },
): Promise<Found> {
  const forgottenAt = await recordForgotten(target, contact)
  const rejected = await deleteRejectsOfContact(target, table, contact)
  const deleted = await deleteRowsOfContact(target, table, contact.contactId)
  await noteDeletedRows(target, table, deleted.own + deleted.others)
  const inCopies = await rowsInCopies(target, table, (copy) =>
    deleteRowsOfContact(target, copy, contact.contactId),
  )
  return { ...deleted, rejected, inCopies, forgottenAt }
}

/** The sum of what is found in each copy of the table. */
async function rowsInCopies(
  target: Session,
  table: Relation,
  find: (copy: Relation) => Promise<RowsOfContact>,
): Promise<number> {
  let rows = 0
  for (const name of await findCopies(target, table)) {
    const { own, others } = await find(await describeTarget(target, name))
    rows += own + others
  }
  return rows
}

async function count(target: Session, table: Relation, contact: Forgotten): Promise<Found> {
  const forgottenAt = await forgottenSince(target, contact)
  const rejected = await countRejectsOfContact(target, table, contact)
  const count = (relation: Relation) => countRowsOfContact(target, relation, contact.contactId)
  const inCopies = await rowsInCopies(target, table, count)
  return { ...(await count(table)), rejected, inCopies, forgottenAt }
}

function checkOptions({ target, schema, contactId, comment }: ForgetOptions): void {
  if (target === undefined) {
    throw new SyncError('CONFIG_MISSING', 'The option target is missing.', {
      remedy: 'Set it to a connection string, a configuration or a pool of pg, or a Kysely.',
    })
  }
  checkSchemaName(schema)
  if (!Number.isSafeInteger(contactId) || contactId < 1) {
    throw new SyncError('CONFIG_INVALID', `contactId is ${contactId}, which is not an id.`, {
      remedy: 'Set it to the id of the contact in Chatwoot, a whole number from 1.',
    })
  }
  if (comment !== undefined && comment.length > 200) {
    throw new SyncError(
      'CONFIG_INVALID',
      `comment has ${comment.length} characters; at most 200 are allowed.`,
      {
        remedy: 'Use the number of the request, without personal data.',
      },
    )
  }
}

function requireContactId(table: Relation): Relation {
  if (table.columns.some(({ name }) => name === 'contact_id')) return table
  throw new SyncError(
    'TARGET_COLUMN_MISSING',
    `The table ${table.name} has no column contact_id, so nothing shows which rows belong to a contact.`,
    {
      remedy: 'Add contact_id to the table and to the relation that it is loaded from.',
      details: { columns: ['contact_id'] },
    },
  )
}
