import { createRequire } from 'node:module'

import { SyncError } from '../domain/errors.js'
import { silentLogger, type Logger } from '../domain/logger.js'
import { notBeside } from '../domain/package-file.js'
import type { ServerFunctions } from './functions.js'
import type { ListenOptions, Listening } from './listen.js'

/** The functions that the server calls, and how it is protected. */
export interface ServerOptions extends ServerFunctions {
  /**
   * What clients of the API and of the metrics have to send as `Authorization: Bearer`: at least 16 printable ASCII characters without a
   * space. (Default: none. The server then listens on loopback only.)
   */
  readonly token?: string | undefined
  /** Origins of other sites whose pages may use the API, such as `https://tools.example.com`. (Default: none.) */
  readonly origins?: readonly string[] | undefined
  /** Receives a warning for incomplete metrics and a broken stream, and an error for what was not expected. (Default: nothing is logged.) */
  readonly logger?: Logger | undefined
}

/** A server that is not listening yet. Disposing of it is `close`. */
export interface SyncServer extends AsyncDisposable {
  /**
   * Answers one request, to be mounted wherever a fetch handler fits. Without a token, the service around it decides who may get here. The
   * page loads its parts relative to its own address, which therefore has to end with a slash: `/sync/`.
   */
  fetch(request: Request): Promise<Response>
  /**
   * Listens on a port of its own. Throws CONFIG_MISSING for an address other than loopback without a token, and CONFIG_INVALID for an
   * address or a port that cannot be used.
   */
  listen(options?: ListenOptions): Promise<Listening>
  /**
   * Stops the run that this server has started, which ends as failed with ABORTED, ends the streams of its listeners, and closes the port.
   * Waits at most four seconds for the run. Closing again does nothing.
   */
  close(): Promise<void>
}

/** Milliseconds. With the rest of an ending process it has to stay below five seconds. */
const stopTimeout = 4000

/**
 * Returns a server with a REST API, server-sent events, metrics for Prometheus, an OpenAPI document and a page. It reads and starts nothing
 * but through the functions that are handed in, and starts at most one run at a time. This call loads hono.
 *
 * Throws CONFIG_INVALID for a token that is too short or cannot be sent in a header.
 *
 * @example
 * import { checkHealth, syncConversations, verifyConversations } from 'chatwoot-sync'
 * import { createServer, openRunReader } from 'chatwoot-sync/server'
 *
 * await using reader = openRunReader({ target })
 * await using server = await createServer({
 *   ...reader,
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
    await live.stop(stopTimeout)
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
  const name = 'chatwoot-sync/package.json'
  try {
    const manifest: { version: string } = createRequire(import.meta.url)(name)
    return manifest.version
  } catch (cause) {
    throw notBeside(name, cause)
  }
}

function badToken({ length }: string): SyncError {
  const message = `The token of the server has ${length} characters: it is too short, or cannot be sent in a header.`
  return new SyncError('CONFIG_INVALID', message, {
    remedy: 'Use at least 16 letters and digits, for example the output of: openssl rand -hex 32.',
  })
}
