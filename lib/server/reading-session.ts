import type { CompiledQuery } from 'kysely'

import { openSession, type DatabaseHandle } from '../postgres/driver/connect.js'
import type { Cells, Session } from '../postgres/driver/session.js'
import { beginReading } from '../postgres/driver/transaction.js'

/** Reads over one connection, one question after the other. */
export interface ReadingSession {
  rows(query: CompiledQuery): Promise<readonly Cells[]>
  close(): Promise<void>
}

const connection = { applicationName: 'chatwoot-sync serve', connectTimeout: 5_000 }
/** Milliseconds: who looks at a page does not wait longer. */
const patience = { statementTimeout: 15_000, lockTimeout: 15_000 }

/** Opened by the first question, and again by the next one where it was lost: a server that restarts does not end the service. */
export function openReadingSession(target: DatabaseHandle): ReadingSession {
  let opened: Promise<Session> | undefined
  let last: Promise<unknown> = Promise.resolve()

  const read = async (query: CompiledQuery) => {
    if (await isLost(opened)) opened = undefined
    opened ??= openSession('target', target, connection)
    const current = opened
    try {
      const session = await current
      await session.script(beginReading(patience))
      const rows = await session.rows(query)
      await session.script(['commit'])
      return rows
    } catch (error) {
      // Whatever state it is in, a new one is cheap.
      if (opened === current) opened = undefined
      void current.then((session) => session[Symbol.asyncDispose]()).catch(() => undefined)
      throw error
    }
  }

  return {
    rows: (query) => {
      const answer = last.then(() => read(query))
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
