import { createRequire } from 'node:module'

import { SyncError } from '../domain/errors.js'
import { silentLogger, type Logger } from '../domain/logger.js'
import type { ServerFunctions } from './functions.js'
import type { ListenOptions, Listening } from './listen.js'

export interface ServerOptions extends ServerFunctions {
  /** What callers of the API have to send as `Authorization: Bearer`. At least 16 characters, none of them a space. (Default: none, which only loopback may have.) */
  readonly token?: string | undefined
  /** Other sites whose pages may use the API, such as `https://tools.example.com`. (Default: none.) */
  readonly origins?: readonly string[] | undefined
  /** (Default: none.) */
  readonly logger?: Logger | undefined
}

export interface SyncServer extends AsyncDisposable {
  /**
   * Answers one request: to be mounted where a fetch handler fits. Without a token, who may come here is up to the service around it. The
   * page loads its parts relative to its own address, which therefore has to end with a slash: `/sync/`.
   */
  fetch(request: Request): Promise<Response>
  /**
   * Listens by itself. Throws CONFIG_MISSING for an address other than loopback without a token, and CONFIG_INVALID for an address or a
   * port that cannot be had.
   */
  listen(options?: ListenOptions): Promise<Listening>
  /**
   * Stops the run that this server has started, which is closed as failed with ABORTED, tells the listeners, and closes the port; waits
   * four seconds at most for it all. Closing again does nothing.
   */
  close(): Promise<void>
}

/** Milliseconds: with the rest of an ending process it has to stay below five seconds. */
const patience = 4000

/**
 * A server with a REST API, server-sent events, metrics for Prometheus, an OpenAPI document and a page, over functions: it starts no run
 * but through `startRun`. Hono and its kin are loaded by this call.
 *
 * Throws CONFIG_INVALID for a token that is too short or cannot stand in a header.
 *
 * @example
 * const server = await createServer({
 *   ...openRunReader({ target }),
 *   startRun: (request) => syncConversations({ source, target, ...request }),
 *   verify: (request) => verifyConversations({ source, target, ...request }),
 *   health: (request) => checkHealth({ source, target, ...request }),
 *   token: process.env.CHATWOOT_SYNC_TOKEN,
 * })
 * const { url } = await server.listen({ port: 8080 })
 */
export async function createServer(options: ServerOptions): Promise<SyncServer> {
  const { token, origins = [], logger = silentLogger, ...functions } = options
  if (token !== undefined && !/^[\x21-\x7e]{16,}$/.test(token)) throw badToken(token)
  const [{ createApp }, { createLiveRuns }, { loadAssets }] = await Promise.all([
    import('./app.js'),
    import('./live-runs.js'),
    import('./assets.js'),
  ])
  const live = createLiveRuns(functions.startRun)
  const app = createApp({
    functions,
    live,
    assets: await loadAssets(),
    token,
    origins,
    version: packageVersion(),
    logger,
  })
  const open = new Set<Listening>()
  const close = async () => {
    await live.stop(patience)
    await Promise.all([...open].map((listening) => listening.close()))
  }
  const fetch = async (request: Request) => app.fetch(request)
  return {
    fetch,
    listen: async (where = {}) => {
      const { listen } = await import('./listen.js')
      const listening = await listen(fetch, { ...where, hasToken: token !== undefined })
      open.add(listening)
      return listening
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function packageVersion(): string {
  const manifest: { version: string } = createRequire(import.meta.url)('chatwoot-sync/package.json')
  return manifest.version
}

function badToken({ length }: string): SyncError {
  const message = `The token of the server, of ${length} characters, is too short or cannot stand in a header.`
  return new SyncError('CONFIG_INVALID', message, {
    remedy: 'Use 16 letters and digits at least, for example those of: openssl rand -hex 32.',
  })
}
