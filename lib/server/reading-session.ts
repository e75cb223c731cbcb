import { openSession, type DatabaseHandle } from '../postgres/driver/connect.js'
import type { Session } from '../postgres/driver/session.js'
import { withSnapshot } from '../postgres/driver/transaction.js'

/** Reads over one connection, one question after the other. */
export interface ReadingSession {
  /** What `work` returns, in a transaction of its own that cannot write. */
  read<T>(work: (session: Session) => Promise<T>): Promise<T>
  close(): Promise<void>
}

const connection = { applicationName: 'chatwoot-sync serve', connectTimeout: 5_000 }
/** Milliseconds: who looks at a page does not wait longer. */
const timeouts = { statementTimeout: 15_000, lockTimeout: 15_000 }

/** Opened by the first question, and again by the next one where it was lost: a server that restarts does not end the service. */
export function openReadingSession(target: DatabaseHandle, schema: string | undefined): ReadingSession {
  let opened: Promise<Session> | undefined
  let last: Promise<unknown> = Promise.resolve()

  const readNow = async <T>(work: (session: Session) => Promise<T>) => {
    if (await isLost(opened)) opened = undefined
    opened ??= openSession('target', target, { ...connection, schema })
    const current = opened
    try {
      return await withSnapshot(await current, timeouts, work)
    } catch (error) {
      // Whatever state it is in, a new one is cheap.
      if (opened === current) opened = undefined
      void current.then((session) => session[Symbol.asyncDispose]()).catch(() => undefined)
      throw error
    }
  }

  return {
    read: (work) => {
      const answer = last.then(() => readNow(work))
      last = answer.catch(() => undefined)
      return answer
    },
    close: async () => {
      await last
      const session = await opened?.catch(() => undefined)
      opened = undefined
      await session?.[Symbol.asyncDispose]()
    },
  }
}

async function isLost(opened: Promise<Session> | undefined): Promise<boolean> {
  return (await opened?.catch(() => undefined))?.lost.aborted === true
}
