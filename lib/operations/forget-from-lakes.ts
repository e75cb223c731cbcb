import { SyncError } from '../domain/errors.js'
import { optionsOfLake } from '../lake/lake-options.js'
import { replicateToLake } from '../lake/replicate-to-lake.js'
import type { SyncOptions } from '../options.js'
import type { RegisteredLake } from '../postgres/control/lakes.js'

/** What became of a lake whose table has lost rows for good. */
export interface ForgottenLake {
  readonly lake: string
  /** The version without the rows; null in a dry run, and where it could not be written. */
  readonly version: number | null
  /** Files that held rows of earlier versions, and that are gone now. */
  readonly filesRemoved: number
  /** Why the lake still holds the rows; null where it does not, and in a dry run. */
  readonly error: string | null
}

/**
 * Writes a version of each lake without the rows that were deleted, and removes every file that only earlier versions need. What has failed is in
 * the result: the rows are deleted from the table whatever becomes of the lakes, and stay marked there.
 */
export async function forgetFromLakes(
  { target, schema, pipeline }: Pick<SyncOptions, 'target' | 'schema' | 'pipeline'>,
  lakes: readonly RegisteredLake[],
): Promise<readonly ForgottenLake[]> {
  const forgotten: ForgottenLake[] = []
  for (const known of lakes) {
    const { lake } = known
    try {
      const where = { target, schema, pipeline, ...optionsOfLake(known) }
      const { version, vacuumed } = await replicateToLake({ ...where, vacuum: 0 })
      forgotten.push({ lake, version, filesRemoved: vacuumed?.files ?? 0, error: null })
    } catch (error) {
      if (!(error instanceof SyncError)) throw error
      forgotten.push({ lake, version: null, filesRemoved: 0, error: error.message })
    }
  }
  return forgotten
}
