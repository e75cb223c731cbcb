import type { LakeStorage } from '../storage/storage.js'
import type { DeltaTable } from './read-delta.js'

export interface Vacuumed {
  readonly files: number
  readonly bytes: number
}

/**
 * Removes the files that neither the newest version needs nor one that was the newest at `before` or later: those that were taken out of the
 * table before that, and those that no version has ever named and that are older. Files that are younger stay, as a writer may be about to
 * commit them; with `before` in the future the caller has to know that there is none.
 */
export declare function vacuumDelta(
  storage: LakeStorage,
  table: DeltaTable,
  before: Date,
): Promise<Vacuumed>
