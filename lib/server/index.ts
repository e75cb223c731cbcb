/**
 * The server of chatwoot-sync, imported as `chatwoot-sync/server`: a REST API, server-sent events, metrics for Prometheus, an OpenAPI
 * document and a page, over functions that are handed in. Importing it opens no connection; hono is loaded by `createServer`.
 */
export { createServer, type ServerOptions, type SyncServer } from './server.js'
export type { ListenOptions, Listening } from './listen.js'
export { openRunReader, type RunPage, type RunQuery, type RunReader, type Stats } from './run-reader.js'
export type {
  Health,
  HealthFinding,
  HealthRequest,
  RunRequest,
  ServerFunctions,
  VerifyRequest,
} from './functions.js'
