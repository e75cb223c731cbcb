import type { SpawnOptions } from 'node:child_process'

import type { Account } from './cluster-account.js'

/**
 * How every program of the cluster is spawned: under its account, in a process group of its own, so that ctrl-C in a terminal reaches
 * only us and we stop it in order, and without our environment, so that no TZ, LC_* or PG* of the host gets in.
 */
export function isolated(account: Account | undefined, directory: string) {
  return {
    // As signed numbers, because Node refuses the large ids of macOS's nobody here, and negative ones in chown.
    ...(account && { uid: account.uid | 0, gid: account.gid | 0 }),
    cwd: directory,
    env: { LC_ALL: 'C' },
    detached: true,
    windowsHide: true,
  } satisfies SpawnOptions
}
