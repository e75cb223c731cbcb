import type { LakeStorage } from '../storage/storage.js'
import type { DeltaFile, DeltaMetadata, DeltaProtocol, DeltaRemoval } from './actions.js'

/** A Delta table as of one version. */
export interface DeltaTable {
  readonly version: number
  readonly protocol: DeltaProtocol
  readonly metadata: DeltaMetadata
  /** By path. */
  readonly files: ReadonlyMap<string, DeltaFile>
  /** Files that are no longer in the table and that the log still knows, by path. */
  readonly removed: ReadonlyMap<string, DeltaRemoval>
  /** The last version that each writer has recorded, by its name. */
  readonly transactions: ReadonlyMap<string, number>
}

/**
 * The newest version of the table; undefined where there is none. Throws LAKE_UNREADABLE where another program has changed the table in a way
 * that cannot be continued: with features that this package does not know, or by removing a part of the log that it needs.
 */
export declare function readDelta(storage: LakeStorage): Promise<DeltaTable | undefined>
