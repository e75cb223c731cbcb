import type { SyncOptions, SyncReport } from '../../lib/index.js'

/** Of `sync`, `watch` and `serve`. */
export interface LakesFlag {
  readonly lake?: true
}

type Lakes = Pick<SyncOptions, 'target' | 'schema' | 'pipeline' | 'signal' | 'logger'>

/** Brings the lakes of the pipeline up to date where the flag asks for it. The run has succeeded, whatever becomes of them: the report gets a warning. */
export async function writeLakesAfterRun(
  report: SyncReport,
  { target, schema, pipeline, signal, logger }: Lakes,
  flags: LakesFlag,
): Promise<SyncReport> {
  if (flags.lake !== true) return report
  const { executionId } = report
  const { replicateToLakes, SyncError } = await import('../../lib/index.js')
  try {
    const { warnings } = await replicateToLakes({ target, schema, pipeline, signal, logger, executionId })
    return { ...report, warnings: [...report.warnings, ...warnings] }
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    const message = `The lakes are not up to date: ${error.message}`
    return { ...report, warnings: [...report.warnings, { code: 'LAKE_FAILED', message }] }
  }
}
