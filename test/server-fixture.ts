import { setTimeout as wait } from 'node:timers/promises'

import {
  checkHealth,
  createServer,
  openRunReader,
  syncConversations,
  verifyConversations,
  type ServerOptions,
  type SyncOptions,
} from '../lib/index.js'
import { openSync, type SyncFixture } from './sync-fixture.js'

/** What an answer holds; tests compare it whole. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any

/** A server over a real source and target, at a free port. */
export async function openServer(options: Partial<ServerOptions> = {}, run: Partial<SyncOptions> = {}) {
  const at = await openSync()
  const databases = { source: at.source.url, target: at.target.url }
  const reader = openRunReader({ target: at.target.url })
  const server = await createServer({
    ...reader,
    startRun: (request) => syncConversations({ ...databases, ...run, ...request }),
    verify: (request) => verifyConversations({ ...databases, ...request }),
    health: (request) => checkHealth({ ...databases, ...request }),
    ...options,
  })
  const { url, port } = await server.listen({ port: 0 })
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(new URL(path, url), init)
    const text = await response.text()
    const type = response.headers.get('content-type') ?? ''
    return { status: response.status, headers: response.headers, type, text, json: parse(text) }
  }
  return {
    ...at,
    server,
    url,
    port,
    ask,
    post: (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
      ask(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    [Symbol.asyncDispose]: async () => {
      await server.close()
      await reader[Symbol.asyncDispose]()
      await at[Symbol.asyncDispose]()
    },
  }
}

export type ServerFixture = Awaited<ReturnType<typeof openServer>>

/** Waits until the run has ended, and gives it. */
export async function ended({ ask }: Pick<ServerFixture, 'ask'>, executionId: string): Promise<Json> {
  return until(async () => {
    const { json } = await ask(`api/runs/${executionId}`)
    return json.status === 'running' ? undefined : json
  })
}

export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  while (true) {
    const found = await look()
    if (found !== undefined) return found
    await wait(20)
  }
}

/** Keeps every run from writing until it is let go. */
export async function holdRuns({ target }: Pick<SyncFixture, 'target'>) {
  const client = await target.pool.connect()
  await client.query('begin')
  await client.query('lock table conversas_analytics in share mode')
  return {
    letGo: async () => {
      await client.query('rollback')
      client.release()
    },
  }
}

function parse(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
