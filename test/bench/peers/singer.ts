import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { installPython } from './install.js'
import { shell, type Peer, type Task } from './peer.js'
import { withDriver } from './urls.js'

const run = promisify(execFile)

const packages = ['meltanolabs-tap-postgres==0.10.0', 'meltanolabs-target-postgres==0.8.1']

/** The tap and the target of Meltano, piped as Meltano itself pipes them. */
export const singer: Peer = {
  name: 'tap-postgres + target-postgres',
  packages,
  kind: 'sync',
  slow: true,
  note: 'use_copy, load_method upsert',
  install: async (prefix) => {
    const [tap = '', target = ''] = packages
    await installPython(join(prefix, 'singer'), 'tap', [tap])
    await installPython(join(prefix, 'singer'), 'target', [target])
    return join(prefix, 'singer')
  },
  prepare: async (task) => {
    const tap = { sqlalchemy_url: withDriver(task.source, 'psycopg2'), filter_schemas: ['public'] }
    const target = {
      sqlalchemy_url: withDriver(task.target, 'psycopg'),
      default_target_schema: 'bench',
      load_method: 'upsert',
      use_copy: true,
      validate_records: false,
    }
    await writeFile(join(task.folder, 'tap.json'), JSON.stringify(tap))
    await writeFile(join(task.folder, 'target.json'), JSON.stringify(target))
    await writeFile(join(task.folder, 'state.json'), '{}')
    await writeFile(join(task.folder, 'catalog.json'), JSON.stringify(await catalogOf(task)))
  },
  // The target prints the state after what it stands for is loaded; the last line counts.
  command: ({ folder, installed }) =>
    shell(
      `"$TAP" --config tap.json --catalog catalog.json --state state.json |
       "$TARGET" --config target.json > states; tail -n 1 states > next
       if [ -s next ]; then mv next state.json; fi`,
      {
        TAP: join(installed, 'tap/bin/tap-postgres'),
        TARGET: join(installed, 'target/bin/target-postgres'),
        FOLDER: folder,
      },
    ),
  tableOf: ({ table }) => `bench.${table}`,
}

interface Stream {
  tap_stream_id: string
  table_name: string
  replication_method: string
  replication_key: string
  key_properties: readonly string[]
  metadata: { breadcrumb: readonly string[]; metadata: Record<string, unknown> }[]
}

/** What the tap finds in the source, with this table alone selected. */
async function catalogOf({ folder, installed, table, key, changedAt }: Task) {
  const args = ['--config', join(folder, 'tap.json'), '--discover']
  const discovered = await run(join(installed, 'tap/bin/tap-postgres'), args, { maxBuffer: 64 * 1024 * 1024 })
  const { streams }: { streams: Stream[] } = JSON.parse(discovered.stdout)
  const stream = streams.find((each) => each.table_name === table)
  if (!stream) throw new Error(`The tap does not find ${table}.`)
  const incremental = { selected: true, 'replication-method': 'INCREMENTAL', 'replication-key': changedAt }
  const metadata = stream.metadata.map((entry) =>
    entry.breadcrumb.length > 0
      ? { ...entry, metadata: { ...entry.metadata, selected: true } }
      : { ...entry, metadata: { ...entry.metadata, ...incremental, 'table-key-properties': [key] } },
  )
  return {
    streams: [
      {
        ...stream,
        replication_method: 'INCREMENTAL',
        replication_key: changedAt,
        key_properties: [key],
        metadata,
      },
    ],
  }
}
