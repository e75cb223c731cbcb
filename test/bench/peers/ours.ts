import { migrate } from '../../../lib/postgres/migrate/migrate.js'
import { builtCommand } from '../../setup/built-file.js'
import { createKeyed } from './keyed-table.js'
import type { Peer } from './peer.js'

/** This package, by its command, into a table that has a primary key as those of the others do. */
export const ours: Peer = {
  name: 'chatwoot-sync',
  packages: [],
  kind: 'ours',
  install: async () => '',
  prepare: async (task) => {
    await migrate({ target: task.target })
    await createKeyed(task)
  },
  command: ({ source, target, table, key, changedAt }) => {
    const relation = ['--relation', table, '--key', key, '--changed-at', changedAt]
    const options = ['--table', table, '--pipeline', table, '--no-log-file', '--quiet']
    const env = { SOURCE_DATABASE_URL: source, LOCAL_DATABASE_URL: target }
    return { program: process.execPath, args: [builtCommand(), 'sync', ...relation, ...options], env }
  },
  tableOf: ({ table }) => table,
}
