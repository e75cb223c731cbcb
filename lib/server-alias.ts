import { openRunReader as open } from './server/run-reader.js'
import type { ServerOptions, SyncServer } from './server/server.js'

/** @deprecated Import it from `chatwoot-sync/server`. This alias loads the server when it is called. */
export async function createServer(options: ServerOptions): Promise<SyncServer> {
  const server = await import('./server/server.js')
  return server.createServer(options)
}

/** @deprecated Import it from `chatwoot-sync/server`. */
export const openRunReader = open
