import { chmod, chown, cp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import pg from 'pg'

import { serverAccount } from '../../bin/demo/cluster-account.js'
import { startCluster, type Cluster } from '../../bin/demo/cluster.js'

/** Settings of a primary that a standby may follow: enough WAL is kept for one that starts a while after its copy. */
export const primarySettings = { wal_keep_size: '1GB' } as const

/**
 * A standby that streams from the cluster and replays each commit so many milliseconds late. Its data lie beside the primary's and go
 * away with them. The binaries of the demo have no pg_basebackup, so the copy is made by the functions that it uses itself.
 */
export async function startStandby(
  primary: Cluster,
  delay: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<Cluster> {
  const dataDirectory = `${primary.dataDirectory}-standby`
  const client = new pg.Client(primary.url())
  await client.connect()
  try {
    await client.query(`select pg_backup_start('standby', true)`)
    await copyData(primary.dataDirectory, dataDirectory)
    const { rows } = await client.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(wait_for_archive => false)',
    )
    await writeFile(join(dataDirectory, 'backup_label'), rows[0]?.labelfile ?? '')
    await writeFile(join(dataDirectory, 'standby.signal'), '')
    await handOver(dataDirectory)
  } finally {
    await client.end()
  }
  return startCluster({ dataDirectory, settings: { ...standbySettings(primary, delay), ...settings } })
}

/** What makes a server follow the primary. */
export function standbySettings(primary: Cluster, delay: number): Readonly<Record<string, string>> {
  return {
    ...primarySettings,
    primary_conninfo: conninfo(primary.url()),
    recovery_min_apply_delay: `${delay}ms`,
    // A read may be older than a vacuum of the primary.
    max_standby_streaming_delay: '-1',
    // What was written is to arrive at once, so that the delay is the only one.
    wal_receiver_status_interval: '1s',
  }
}

async function copyData(from: string, to: string): Promise<void> {
  const ofTheServer = ['postmaster.pid', 'postmaster.opts', 'server.log']
  const isLeftOut = (path: string) =>
    ofTheServer.some((name) => path === join(from, name)) || path.startsWith(join(from, 'pg_wal/'))
  await cp(from, to, { recursive: true, filter: (path) => !isLeftOut(path) })
}

/** To the account that the primary runs under. */
async function handOver(folder: string): Promise<void> {
  await chmod(folder, 0o700)
  const account = await serverAccount()
  if (!account) return
  const inside = await readdir(folder, { recursive: true })
  for (const path of ['.', ...inside]) await chown(join(folder, path), account.uid, account.gid)
}

function conninfo(url: string): string {
  const { hostname, port, username, password } = new URL(url)
  return `host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}`
}
