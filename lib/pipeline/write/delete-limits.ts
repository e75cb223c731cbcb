import { SyncError } from '../../domain/errors.js'

/** What keeps a run from soft-deleting rows because the source looks wrong. */
export interface DeleteLimits {
  /** Share of the live rows that may be missing, 0 to 1. */
  readonly maxDeleteShare: number
  /** The source is not the one of the last successful run, and the caller did not accept that. */
  readonly isUnexpectedSource: boolean
}

/** What was found before anything is soft-deleted. */
export interface MissingCounts {
  /** Rows of the target that the source does not have. */
  readonly missing: number
  /** Rows of the target that are not soft-deleted yet. */
  readonly live: number
  /** Rows that the source has; null where only a sample of them was read. */
  readonly sourceRows: number | null
}

/** Throws SOURCE_EMPTY, SOURCE_IDENTITY_CHANGED or TOO_MANY_DELETES when the rows are more likely lost to a wrong source than deleted. */
export function requirePlausibleDeletes(
  { missing, live, sourceRows }: MissingCounts,
  { maxDeleteShare, isUnexpectedSource }: DeleteLimits,
): void {
  const share = missing / live
  const details = { gone: missing, live, share: Math.round(share * 1000) / 1000, maxDeleteShare }
  if (sourceRows === 0 && maxDeleteShare < 1) {
    throw new SyncError('SOURCE_EMPTY', `The source has no rows, while the target holds ${live}.`, {
      remedy:
        'Check that the source is the right one. If it is meant to be empty, run once with a maxDeleteShare of 1.',
      details,
    })
  }
  if (isUnexpectedSource) {
    const message = `The source is not the one of the last successful run, and ${missing} of ${live} rows do not exist in it.`
    const remedy = 'Check that it is the right one, then run once with acceptNewSource.'
    throw new SyncError('SOURCE_IDENTITY_CHANGED', message, { remedy, details })
  }
  if (share > maxDeleteShare) {
    const message = `${missing} of ${live} rows no longer exist in the source, more than the share of ${maxDeleteShare} that may be deleted.`
    const remedy = 'Check the source and the filter. If it is right, run once with a larger maxDeleteShare.'
    throw new SyncError('TOO_MANY_DELETES', message, { remedy, details })
  }
}
