import { openSession, type ConnectOptions, type DatabaseHandle } from './connect.js'
import type { Session, Side } from './session.js'

/** A session that can go on over another connection of its handle. */
export interface RenewableSession extends Session {
  /** Ends the transaction; over a new connection where the old one is gone, as after a COPY that was broken off. */
  renew(): Promise<void>
}

/** As `openSession`, and throws the same; `renew` as well. */
export async function openRenewable(
  side: Side,
  handle: DatabaseHandle,
  options: ConnectOptions,
): Promise<RenewableSession> {
  let current = await openSession(side, handle, options)
  let roundTrips = 0
  const ended: { reason?: unknown; isDestroyed: boolean } = { isDestroyed: false }
  return {
    side,
    get process() {
      return current.process
    },
    get lost() {
      return current.lost
    },
    get copy() {
      return current.copy
    },
    roundTrips: () => roundTrips + current.roundTrips(),
    rows: (query) => current.rows(query),
    script: (statements) => current.script(statements),
    together: (queries) => current.together(queries),
    portions: (query, columns, size) => current.portions(query, columns, size),
    stage: (table, rows) => current.stage(table, rows),
    renew: async () => {
      if (ended.isDestroyed) throw ended.reason
      try {
        if (!current.lost.aborted) {
          await current.script(['rollback'])
          return
        }
      } catch (error) {
        // A connection that was just cut shows it by failing.
        if (!current.lost.aborted) throw error
      }
      const old = current
      await Promise.resolve(old[Symbol.asyncDispose]()).catch(() => undefined)
      roundTrips += old.roundTrips()
      current = await openSession(side, handle, options)
      if (ended.isDestroyed) current.destroy(ended.reason)
    },
    destroy: (reason) => {
      Object.assign(ended, { reason, isDestroyed: true })
      current.destroy(reason)
    },
    [Symbol.asyncDispose]: () => current[Symbol.asyncDispose](),
  }
}
