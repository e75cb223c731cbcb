import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { installPython } from './install.js'
import type { Peer } from './peer.js'
import { plain } from './urls.js'

const packages = ['sling-linux-amd64==1.4.11']

/** Its last release on PyPI that has the program in the package; later ones fetch it from elsewhere. */
export const sling: Peer = {
  name: 'Sling',
  packages,
  kind: 'sync',
  note: 'reads `>` the newest stamp of the target',
  install: async (prefix) => {
    const folder = await installPython(prefix, 'sling', packages)
    const script = 'from sling_linux_amd64 import SLING_BIN; print(SLING_BIN)'
    return (await promisify(execFile)(join(folder, 'bin/python'), ['-c', script])).stdout.trim()
  },
  prepare: async () => undefined,
  command: ({ source, target, table, key, changedAt, installed, folder }) => ({
    program: installed,
    args: [
      'run',
      ...['--src-conn', 'BENCH_SOURCE', '--src-stream', `public.${table}`],
      ...['--tgt-conn', 'BENCH_TARGET', '--tgt-object', `public.${table}`],
      ...['--mode', 'incremental', '--primary-key', key, '--update-key', changedAt],
    ],
    env: {
      BENCH_SOURCE: plain(source),
      BENCH_TARGET: plain(target),
      SLING_HOME_DIR: folder,
      SLING_DISABLE_TELEMETRY: 'TRUE',
    },
  }),
  tableOf: ({ table }) => table,
}
