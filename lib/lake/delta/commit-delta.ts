import { randomUUID } from 'node:crypto'

import type { LakeStorage } from '../storage/storage.js'
import type { DeltaAction } from './actions.js'
import { versionFile } from './log-files.js'

/**
 * Writes a version, whole or not at all; false where somebody else has written it meanwhile. That of a new table is 0, and holds `protocol`
 * and `metaData`. `operation` is what readers show in the history.
 */
export async function commitDelta(
  storage: LakeStorage,
  version: number,
  actions: readonly DeltaAction[],
  operation = 'WRITE',
): Promise<boolean> {
  const commitInfo = {
    ...{ timestamp: Date.now(), operation, operationParameters: {} },
    ...{ isBlindAppend: false, engineInfo: 'chatwoot-sync', txnId: randomUUID() },
  }
  const lines = [{ commitInfo }, ...actions].map((action) => `${JSON.stringify(action)}\n`)
  return await storage.putIfAbsent(versionFile(version), lines.join(''))
}
