import { join } from 'node:path'

import { installPython } from './install.js'
import { shell, type Peer } from './peer.js'
import { plain } from './urls.js'

const packages = ['ingestr==1.0.78']

/**
 * The last release whose package holds the program; later ones fetch it from elsewhere at the first start.
 *
 * It keeps no state: who calls it has to know the first stamp to read. Here that is the newest one of the target, which psql is asked for.
 */
export const ingestr: Peer = {
  name: 'ingestr',
  packages,
  kind: 'sync',
  note: 'keeps no state: psql asks the target for `--interval-start`',
  install: (prefix) => installPython(prefix, 'ingestr', packages),
  prepare: async () => undefined,
  command: ({ source, target, table, key, changedAt, installed }, isFirst) =>
    shell(
      `"$INGESTR" ingest --source-uri "$SOURCE" --source-table public.${table} --dest-uri "$TARGET" --dest-table public.${table} \
         --incremental-strategy merge --primary-key ${key} --incremental-key ${changedAt} --yes ${isFirst ? '' : since(table, changedAt)}`,
      {
        INGESTR: join(installed, 'bin/ingestr'),
        SOURCE: plain(source),
        TARGET: plain(target),
        INGESTR_DISABLE_TELEMETRY: 'true',
        PROGRESS: 'log',
      },
    ),
  tableOf: ({ table }) => table,
}

/** With microseconds, in the form that its flag takes. */
const since = (table: string, changedAt: string) =>
  `--interval-start "$(psql "$TARGET" -Atc "select to_char(max(${changedAt}) at time zone 'UTC', 'YYYY-MM-DD\\"T\\"HH24:MI:SS.US') from ${table}")"`
