import type { LakeStorage } from '../storage/storage.js'
import type { DeltaAction } from './actions.js'

/**
 * Writes a version, whole or not at all; false where somebody else has written it meanwhile. The first one has to hold `protocol` and
 * `metaData`, each one the `commitInfo`; a unique `txnId` is added to that.
 */
export declare function commitDelta(
  storage: LakeStorage,
  version: number,
  actions: readonly DeltaAction[],
): Promise<boolean>
