import { join } from 'node:path'

import { installPython } from './install.js'
import type { Peer } from './peer.js'
import { plain } from './urls.js'

const packages = ['ingestr==1.0.78']

/**
 * The last release whose package holds the program; later ones fetch it from elsewhere at the first start.
 *
 * It keeps no state: who calls it names the first stamp to read, and here that is the newest one of the target.
 */
export const ingestr: Peer = {
  name: 'ingestr',
  packages,
  kind: 'sync',
  note: 'with `--interval-start` at the newest stamp of the target, as it keeps no state',
  install: (prefix) => installPython(prefix, 'ingestr', packages),
  prepare: async () => undefined,
  command: ({ source, target, table, key, changedAt, installed }, since) => ({
    program: join(installed, 'bin/ingestr'),
    args: [
      'ingest',
      ...['--source-uri', plain(source), '--source-table', `public.${table}`],
      ...['--dest-uri', plain(target), '--dest-table', `public.${table}`],
      ...['--incremental-strategy', 'merge', '--primary-key', key, '--incremental-key', changedAt],
      ...(since === null ? [] : ['--interval-start', since]),
      '--yes',
    ],
    env: { INGESTR_DISABLE_TELEMETRY: 'true', DISABLE_TELEMETRY: 'true', PROGRESS: 'log' },
  }),
  tableOf: ({ table }) => table,
}
