import type { DatabaseHandle } from './connect.js'

/** How many more connections a handle can give at once; of a Kysely nothing is known. */
export function spareConnections(handle: DatabaseHandle): number {
  if (typeof handle !== 'object' || 'getExecutor' in handle || !('totalCount' in handle)) return Infinity
  return Math.max(0, handle.options.max - (handle.totalCount - handle.idleCount))
}
