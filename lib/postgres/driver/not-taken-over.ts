import { SyncError } from '../../domain/errors.js'
import { migrateCommand } from '../../domain/migrate-command.js'

/** Columns of every `etl_control` of ours that the table of the same name of the Python pipeline lacks, as a server names them. */
const ours = /\W(pipeline|state)\W/

/** The error of a statement that met the tables of the Python pipeline, before `migrate` takes them over or after the way back. */
export function notTakenOver(
  said: string,
  schema: string | undefined,
  cause: unknown,
): SyncError | undefined {
  if (!ours.test(said)) return undefined
  return new SyncError('TARGET_NOT_MIGRATED', 'The table etl_control is that of the Python pipeline.', {
    remedy: `Run ${migrateCommand(schema)}, which keeps its rows; docs/moving-from-python.md has the steps.`,
    cause,
  })
}
