import { SyncError } from '../../domain/errors.js'
import { defaults, type SyncOptions } from '../../options.js'
import { openSession } from '../../postgres/driver/connect.js'
import {
  countRejectsOfContact,
  countRowsOfContact,
  deleteRejectsOfContact,
  deleteRowsOfContact,
  forgottenSince,
  rememberForgotten,
  takeBackForgotten,
  type RowsOfContact,
} from '../../postgres/control/forgotten.js'
import { describeTarget, type Relation } from '../../postgres/driver/catalog.js'
import { takeRunLock } from '../../postgres/control/run-lock.js'
import type { Session } from '../../postgres/driver/session.js'
import { beginWriting } from '../../postgres/driver/transaction.js'

export interface ForgetOptions extends Pick<SyncOptions, 'target' | 'table' | 'pipeline'> {
  /** Id of the contact in Chatwoot, the `contact_id` of the table. */
  readonly contactId: number
  /** Why, such as the number of the request; at most 200 characters, and no personal data. (Default: none.) */
  readonly comment?: string | undefined
  /** Lets later runs read the contact again; what was deleted comes back with the next full run. (Default: false.) */
  readonly undo?: boolean | undefined
  /** Counts what would be deleted and changes nothing. (Default: false.) */
  readonly dryRun?: boolean | undefined
}

/** What was deleted, or what would be. */
export interface ForgetReport {
  readonly pipeline: string
  readonly table: string
  readonly contactId: number
  readonly undo: boolean
  readonly dryRun: boolean
  /** Since when the contact is forgotten, as it stands afterwards; null when it is not. */
  readonly forgottenAt: string | null
  /** Conversations of the contact. */
  readonly rowsOwn: number
  /** Conversations of other contacts in which this one wrote. */
  readonly rowsOfOthers: number
  /** Entries of `etl_rejects` that belonged to it, or whose kept content named it. */
  readonly rowsRejected: number
}

/**
 * Erases a contact: deletes for good every row of the target that holds data of it, with its entries in `etl_rejects`, and keeps its
 * conversations out of all later runs of the pipeline, in one transaction. Neither is it then missing for `verify`. Nothing is changed in
 * Chatwoot. A rejected conversation that never reached the table and whose content was not kept is known by its key alone; the next run,
 * which does not read it any more, drops that entry.
 *
 * Of a contact that Chatwoot merges into another one afterwards, the conversations come under the other's id, which has to be forgotten
 * as well. Needs the right to delete, which runs do without: see the README.
 * Throws LOCKED while a run is at work, TARGET_COLUMN_MISSING for a table without `contact_id`, CONFIG_INVALID, and the errors of the target.
 *
 * @example await forgetContact({ target, contactId: 123, comment: 'request 2026-17' })
 */
export async function forgetContact(options: ForgetOptions): Promise<ForgetReport> {
  const { contactId, undo = false, dryRun = false } = options
  const { table = defaults.table, pipeline = defaults.pipeline } = options
  checkOptions(options)
  const connection = { applicationName: 'chatwoot-sync forget', connectTimeout: defaults.connectTimeout }
  await using target = await openSession('target', options.target, connection)
  // A run at work would bring back what it has read already.
  if (!dryRun) await takeRunLock(target, pipeline)
  const relation = requireContact(await describeTarget(target, table))
  await target.script(beginWriting(defaults))
  const done = await act(target, relation, { ...options, pipeline })
  await target.script(['commit'])
  const { own: rowsOwn, others: rowsOfOthers, rejected: rowsRejected, forgottenAt } = done
  return { pipeline, table, contactId, undo, dryRun, forgottenAt, rowsOwn, rowsOfOthers, rowsRejected }
}

interface Done extends RowsOfContact {
  readonly rejected: number
  readonly forgottenAt: string | null
}

type Action = ForgetOptions & { readonly pipeline: string }

async function act(
  target: Session,
  table: Relation,
  { pipeline, contactId, comment, undo, dryRun }: Action,
): Promise<Done> {
  const contact = { pipeline, contactId }
  if (!dryRun && undo) await takeBackForgotten(target, contact)
  if (!dryRun && !undo) {
    const forgottenAt = await rememberForgotten(target, { ...contact, comment: comment ?? null })
    const rejected = await deleteRejectsOfContact(target, table, contact)
    return { ...(await deleteRowsOfContact(target, table, contactId)), rejected, forgottenAt }
  }
  const forgottenAt = await forgottenSince(target, contact)
  const rejected = await countRejectsOfContact(target, table, contact)
  return { ...(await countRowsOfContact(target, table, contactId)), rejected, forgottenAt }
}

function checkOptions({ target, contactId, comment }: ForgetOptions): void {
  if (target === undefined) {
    throw new SyncError('CONFIG_MISSING', 'The option target is missing.', { remedy: 'Give a database.' })
  }
  if (!Number.isSafeInteger(contactId) || contactId < 1) {
    throw new SyncError('CONFIG_INVALID', `contactId is ${contactId}, which is no id.`, {
      remedy: 'Give the id of the contact, a whole number from 1.',
    })
  }
  if (comment !== undefined && comment.length > 200) {
    throw new SyncError('CONFIG_INVALID', `comment has ${comment.length} characters, and 200 at most.`, {
      remedy: 'Give the number of the request, and no personal data.',
    })
  }
}

function requireContact(table: Relation): Relation {
  if (table.columns.some(({ name }) => name === 'contact_id')) return table
  throw new SyncError(
    'TARGET_COLUMN_MISSING',
    `The table ${table.name} has no column contact_id, so nothing tells whose row is whose.`,
    {
      remedy: 'Add contact_id to the table and to the relation that it is loaded from.',
      details: { columns: ['contact_id'] },
    },
  )
}
