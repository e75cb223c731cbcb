import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { installPython } from './install.js'
import type { Peer, Task } from './peer.js'

const packages = ['dlt[postgres]==1.31.0', 'pyarrow==26.0.1', 'psycopg2-binary==2.9.13', 'sqlalchemy==2.0.51']
const program = fileURLToPath(new URL('dlt-run.py', import.meta.url))

export const dlt: Peer = {
  name: 'dlt',
  packages,
  kind: 'sync',
  slow: true,
  note: 'sql_table, pyarrow, merge by upsert, numeric (38, 20)',
  install: (prefix) => installPython(prefix, 'dlt', packages),
  prepare: async () => undefined,
  command: ({ source, target, table, key, changedAt, columns, installed, folder }) => ({
    program: join(installed, 'bin/python'),
    args: [program, source, target, table, key, changedAt, decimalsOf(columns), folder],
    env: { RUNTIME__DLTHUB_TELEMETRY: 'false', RUNTIME__LOG_LEVEL: 'ERROR' },
  }),
  tableOf: ({ table }) => `bench.${table}`,
}

const decimalsOf = (columns: Task['columns']) =>
  JSON.stringify(columns.filter(({ type }) => type === 'numeric').map(({ name }) => name))
