import { SyncError } from '../../domain/errors.js'
import type { Session } from '../driver/session.js'
import { tryLock } from './session-lock.js'

/** The name of a lake: the pipeline under which it was registered, and its place. */
export interface LakeName {
  readonly pipeline: string
  readonly lake: string
}

/**
 * Makes this connection the only one that writes the lake, for as long as it lives. Throws LOCKED when another one holds the lock, and
 * TARGET_POOLED, without having taken it, behind a pooler. Runs have a lock of their own, and neither waits for the other.
 */
export async function takeLakeLock(target: Session, { pipeline, lake }: LakeName): Promise<void> {
  if (await tryLock(target, `chatwoot-sync lake ${pipeline} ${lake}`)) return
  throw new SyncError('LOCKED', `Another process is writing the lake ${lake}.`, {
    remedy: 'Wait until it has ended.',
    details: { pipeline, lake },
  })
}
