import { openDatabase } from '../database.js'
import { linkServers } from '../rivals.js'
import { requirePrograms } from './install.js'
import { createKeyed } from './keyed-table.js'
import { shell, type Peer, type Task } from './peer.js'

/** Ways to copy it all with what PostgreSQL has, each into an empty table. `folder` is that of its client programs, else those of the path. */
export function floors(folder: string | undefined): readonly Peer[] {
  const env = ({ source, target }: Task) => ({
    SOURCE: source,
    TARGET: target,
    PATH: [...(folder === undefined ? [] : [`${folder}/bin`]), process.env['PATH']].join(':'),
  })
  const install = async () => {
    await requirePrograms(folder, ['psql', 'pg_dump'])
    return ''
  }
  const shared = { packages: [], kind: 'floor', install, tableOf: ({ table }: Task) => table } as const
  return [
    {
      ...shared,
      name: 'raw COPY',
      note: 'binary, psql | psql',
      prepare: createKeyed,
      command: (task) =>
        shell(
          `psql "$SOURCE" -qc 'copy (select ${namesOf(task)} from ${task.table}) to stdout (format binary)' |
           psql "$TARGET" -qc 'copy ${task.table} (${namesOf(task)}) from stdin (format binary)'`,
          env(task),
        ),
    },
    {
      ...shared,
      name: 'pg_dump | psql',
      note: 'indexes after the rows',
      prepare: async () => undefined,
      command: (task) =>
        shell(
          `pg_dump "$SOURCE" --no-owner -t ${task.table} | psql "$TARGET" -qo /dev/null -v ON_ERROR_STOP=1`,
          env(task),
        ),
    },
    {
      ...shared,
      name: 'postgres_fdw',
      note: 'insert .. select, fetch_size 5000',
      prepare: async (task) => {
        await createKeyed(task)
        await using source = openDatabase(task.source)
        await using target = openDatabase(task.target)
        const columns = task.columns.map((column) => ({ ...column, value: '' }))
        await linkServers(
          { source, target, [Symbol.asyncDispose]: async () => undefined },
          { name: task.table, rows: 0, columns },
        )
      },
      command: (task) =>
        shell(
          `psql "$TARGET" -qc 'insert into ${task.table} (${namesOf(task)}) select ${namesOf(task)} from foreign_rows'`,
          env(task),
        ),
    },
  ]
}

const namesOf = ({ columns }: Task) => columns.map(({ name }) => name).join(', ')
