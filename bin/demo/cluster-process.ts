import type { SpawnOptions } from 'node:child_process'

import type { Account } from './cluster-account.js'

/**
 * Spawn options for every program of the cluster: its account, a separate process group, so that Ctrl+C in a terminal reaches only us and we
 * stop it in order, and an empty environment, so that no TZ, LC_* or PG* of the host has an effect.
 */
export function isolated(account: Account | undefined, directory: string) {
  return {
    // As signed numbers, because Node rejects the large ids of macOS's nobody here, and negative ones in chown.
    ...(account && { uid: account.uid | 0, gid: account.gid | 0 }),
    cwd: directory,
    env: { LC_ALL: 'C' },
    detached: true,
    windowsHide: true,
  } satisfies SpawnOptions
}
