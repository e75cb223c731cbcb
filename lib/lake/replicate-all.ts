import { SyncError } from '../domain/errors.js'
import type { Warning } from '../domain/report.js'
import { readLakes, requireLakeTables } from '../postgres/control/lakes.js'
import { recordWarnings } from '../postgres/control/run-warnings.js'
import { openSession } from '../postgres/driver/connect.js'
import { optionsOfLake, resolveLakeOptions, type LakeOptions } from './lake-options.js'
import { replicateToLake } from './replicate-to-lake.js'
import type { LakeReport } from './replicate/lake-report.js'

export interface LakesOptions extends Pick<
  LakeOptions,
  'target' | 'schema' | 'pipeline' | 'signal' | 'logger' | 'onProgress'
> {
  /** The run after which this happens: its row in `etl_control` gets the warnings. (Default: none.) */
  readonly executionId?: string | undefined
}

/** What became of the lakes of a pipeline. */
export interface LakesReport {
  readonly lakes: readonly LakeReport[]
  /** One for each lake that failed, which does not keep the others from being written. */
  readonly warnings: readonly Warning[]
}

/**
 * Brings every lake of the pipeline that is registered to the content of the table, one after the other, as `replicateToLake` does. It throws only
 * where the target itself fails: a lake that fails is a warning.
 */
export async function replicateToLakes(options: LakesOptions): Promise<LakesReport> {
  const { executionId, ...shared } = options
  const { pipeline, connectTimeout, schema } = resolveLakeOptions({ ...shared, to: '.' })
  const connection = { applicationName: 'chatwoot-sync lake', connectTimeout, schema }
  await using target = await openSession('target', options.target, connection)
  await requireLakeTables(target)
  const lakes: LakeReport[] = []
  const warnings: Warning[] = []
  const registered = await readLakes(target, pipeline)
  if (registered.length === 0) warnings.push(noLake(pipeline))
  for (const known of registered) {
    try {
      lakes.push(await replicateToLake({ ...shared, ...optionsOfLake(known) }))
    } catch (error) {
      if (!(error instanceof SyncError) || error.code === 'ABORTED') throw error
      warnings.push({
        code: 'LAKE_FAILED',
        message: `The lake ${known.lake} is not up to date: ${error.message}`,
      })
    }
  }
  if (executionId !== undefined && warnings.length > 0) await recordWarnings(target, executionId, warnings)
  return { lakes, warnings }
}

const noLake = (pipeline: string): Warning => ({
  code: 'LAKE_FAILED',
  message: `No lake of the pipeline ${pipeline} is registered; run chatwoot-sync lake --to once.`,
})
