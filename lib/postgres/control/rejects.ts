import { sql } from 'kysely'

import { SyncError } from '../../domain/errors.js'
import { migrateCommand } from '../../domain/migrate-command.js'
import type { RowError } from '../driver/row-error.js'
import type { Session } from '../driver/session.js'

/** A row that the target rejected, and why. */
export interface Reject extends RowError {
  readonly key: string
  /** The row by its columns, to be kept; null to keep none. */
  readonly data: Readonly<Record<string, string | null>> | null
}

/** Whose rejects: of which pipeline, and of which run; null for a repair, which is none. */
export interface RejectScope {
  readonly pipeline: string
  readonly executionId: string | null
}

/**
 * Records rejected rows, in the transaction that is open. A run that meets a row twice counts as one attempt; a repair keeps no content.
 */
export async function recordRejects(
  target: Session,
  scope: RejectScope,
  rejects: readonly Reject[],
): Promise<void> {
  const withoutContent = rejects.filter(({ data }) => data === null)
  if (withoutContent.length > 0) await upsertRejects(target, scope, withoutContent)
  // Content can be large, so each such row travels by itself.
  for (const reject of rejects) {
    if (reject.data !== null) await upsertRejects(target, scope, [reject])
  }
}

/** What `jsonb_to_recordset` makes of a `Reject`. */
interface Entry {
  key: string
  column: string | null
  sqlState: string
  message: string
  data: string | null
}

/** All rows in one parameter, as a statement takes 65 535 of them at most. */
async function upsertRejects(
  { db, schema }: Session,
  { pipeline, executionId }: RejectScope,
  rejects: readonly Reject[],
): Promise<void> {
  const entries = sql<Entry>`jsonb_to_recordset(${JSON.stringify(rejects)}::jsonb)`
  const columns = sql`entry (key text, "column" text, "sqlState" text, message text, data jsonb)`
  await db
    .insertInto('etl_rejects')
    .columns(['pipeline', 'row_key', 'execution_id', 'column_name', 'sql_state', 'message', 'row_data'])
    .expression(({ selectFrom }) =>
      selectFrom(entries.as<'entry'>(columns)).select([
        sql<string>`${pipeline}::text`.as('pipeline'),
        'key',
        sql<string>`${executionId}::uuid`.as('execution_id'),
        'column',
        'sqlState',
        'message',
        'data',
      ]),
    )
    .onConflict((conflict) =>
      // By its name: a migration makes it of the hash of the key rather than of the key.
      conflict.constraint('etl_rejects_pkey').doUpdateSet(({ ref }) => ({
        execution_id: ref('excluded.execution_id'),
        last_rejected_at: sql<string>`now()`,
        attempts: sql<number>`etl_rejects.attempts + (
          excluded.execution_id is null
          or etl_rejects.execution_id is distinct from excluded.execution_id
        )::integer`,
        column_name: ref('excluded.column_name'),
        sql_state: ref('excluded.sql_state'),
        message: ref('excluded.message'),
        row_data: sql<string>`case
          when excluded.execution_id is null then etl_rejects.row_data
          else excluded.row_data
        end`,
      })),
    )
    .execute()
    .catch((error: unknown) => {
      throw isTooLong(error) ? keyTooLong(error, schema) : error
    })
}

/** Before the migration that hashes keys, the index of the table holds them. */
const isTooLong = (error: unknown): error is SyncError =>
  error instanceof SyncError && error.details['sqlState'] === '54000'

function keyTooLong({ code, details, cause }: SyncError, schema: string | undefined): SyncError {
  const message = 'The key of a rejected row is longer than etl_rejects can hold before it is migrated.'
  return new SyncError(code, message, { remedy: `Run ${migrateCommand(schema)}.`, details, cause })
}

/** Keys of the rows that this run has rejected so far. */
export async function rejectedInRun(
  { db }: Session,
  { pipeline, executionId }: RejectScope,
): Promise<string[]> {
  const rows = await db
    .selectFrom('etl_rejects')
    .select('row_key')
    .where('pipeline', '=', pipeline)
    .where('execution_id', '=', executionId)
    .execute()
  return rows.map((row) => row.row_key)
}

/** Deletes the entries of these rows, which the target has accepted since. */
export async function dropRejects({ db }: Session, pipeline: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  await db
    .deleteFrom('etl_rejects')
    .where('pipeline', '=', pipeline)
    .where('row_key', 'in', sql<string>`(select json_array_elements_text(${JSON.stringify(keys)}::json))`)
    .execute()
}

/** Deletes what this run, which tried all of them, did not reject again: the row has passed, or the source no longer has it. */
export async function dropPassed({ db }: Session, { pipeline, executionId }: RejectScope): Promise<void> {
  await db
    .deleteFrom('etl_rejects')
    .where('pipeline', '=', pipeline)
    .where(sql<boolean>`execution_id is distinct from ${executionId}::uuid`)
    .execute()
}
