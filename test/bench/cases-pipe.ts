import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { startCluster } from '../../bin/demo/cluster.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'
import { builtCommand } from '../setup/built-file.js'
import type { Bench, Group } from './bench.js'
import { median } from './contest.js'
import { contentOf, createPair, requireEqual, type Pair } from './database.js'
import { atLeastFaster, atMost, told, within } from './findings.js'
import { pairedRatio, runProcess, timeOf, type Run, type Work } from './whole-process.js'

const table = 'conversas_analytics'

/** A first load by whole processes, as somebody with a shell would do it. */
export const pipe: Group = {
  name: 'pipe',
  shows:
    'first load of the analytics table, whole processes, PostgreSQL 15 on disk: chatwoot-sync, psql | psql, pg_dump | psql',
  run: async (bench) => {
    installPrograms()
    const durable = { ...onDisk, nativeDirectory: home }
    await using source = await startCluster(durable)
    await using target = await startCluster(durable)
    await using pair = await createPair(source, target, 'pipe')
    const columns = await fillTable(bench, pair)
    const found = await rounds(bench, pair, columns)
    const of = (name: string, runs: readonly Run[]) => ({ of: name, value: timeOf(runs) })
    return {
      costs: [],
      findings: [
        {
          ...atMost(
            'first load, whole process',
            timeOf(found.ours),
            1.1,
            of('psql copy | psql copy', found.raw),
          ),
          ratio: pairedRatio(found.ours, found.raw),
          met: pairedRatio(found.ours, found.raw) <= 1.1,
        },
        atLeastFaster('the same', timeOf(found.ours), 1, of('pg_dump | psql', found.dump)),
        told('psql copy | psql copy with lz4', timeOf(found.lz4), 'ms', pairedRatio(found.ours, found.lz4)),
        within('peak memory of the process', median(found.ours.map(({ megabytes }) => megabytes)), 100, 'MB'),
      ],
    }
  },
}

const home = '/usr/lib/postgresql/15'
const psql = `${home}/bin/psql`
const dump = `${home}/bin/pg_dump`

/** As a server of one's own is set; only that nothing works in the background. */
const onDisk = {
  settings: {
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    autovacuum: 'off',
    checkpoint_timeout: '1h',
    max_wal_size: '16GB',
    shared_buffers: '512MB',
  },
}

/** Throws where the release of Debian cannot be installed: a comparison that is left out would be missed by nobody. */
function installPrograms(): void {
  if ([psql, dump, `${home}/bin/postgres`].every((path) => existsSync(path))) return
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', 'postgresql-15']
  const [command = '', ...args] = process.getuid?.() === 0 ? install : ['sudo', ...install]
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error(`The case pipe needs ${home}, which apt-get could not install.`)
}

/** A table in the source that is equal to what a load makes of conversations, as often as it takes; its columns. */
async function fillTable(bench: Bench, { source, target }: Pair): Promise<string[]> {
  const conversations = Math.min(20_000, bench.rows)
  await createChatwootSource(source.url, { conversations })
  await migrate({ target: target.url })
  await bench.worker.sync({ source: source.url, target: target.url })
  const listed = await target.query<{ name: string; type: string }>(`
    select attname as name, format_type(atttypid, atttypmod) as type
    from pg_attribute
    where attrelid = '${table}'::regclass
      and attnum > 0
      and attname not in ('etl_inserted_at', 'etl_updated_at', 'deleted_at')
    order by attnum`)
  const columns = listed.map(({ name }) => name)
  await source.query(`create table once (${listed.map(({ name, type }) => `${name} ${type}`).join(', ')})`)
  await runProcess(copyPipe(target.url, table, source.url, 'once', columns))
  const others = columns.filter((name) => name !== 'conversation_id').join(', ')
  await source.query(`
    create table ${table} as
    select (conversation_id + step * times)::integer as conversation_id, ${others}
    from (select max(conversation_id) as step from once) largest
    cross join generate_series(0, ${Math.ceil(bench.rows / conversations) - 1}) times
    cross join lateral (
      select *
      from once
      where times is not null
      order by conversation_id
    ) each
    limit ${bench.rows}`)
  await source.query(`alter table ${table} add primary key (conversation_id)`)
  await source.query(`vacuum analyze ${table}`)
  bench.log(`  pipe: ${bench.rows} rows of ${columns.length} columns`)
  return columns
}

async function rounds(bench: Bench, { source, target }: Pair, columns: readonly string[]) {
  const ends = { SOURCE_DATABASE_URL: source.url, LOCAL_DATABASE_URL: target.url }
  const pipeline = copyPipe(source.url, table, target.url, table, columns)
  const load = ['sync', '--full', '--quiet', '--no-log-file', '--pipeline', 'pipe', '--relation', table]
  const key = ['--key', 'conversation_id', '--changed-at', 'conversation_updated_at']
  const ways = {
    ours: () => runProcess({ command: [process.execPath, builtCommand(), ...load, ...key], variables: ends }),
    raw: () => runProcess(pipeline),
    lz4: () => runProcess(pipeline, { PGOPTIONS: '-c default_toast_compression=lz4' }),
    dump: () =>
      runProcess(
        shell(`${dump} -a -t ${table} "$FROM" | ${psql} -qX "$TO" > /dev/null`, source.url, target.url),
      ),
  }
  const names = ['ours', 'raw', 'lz4', 'dump'] as const
  const found: Record<(typeof names)[number], Run[]> = { ours: [], raw: [], lz4: [], dump: [] }
  const expected = await contentOf(source, columns, table)
  for (let round = 1; round <= bench.repeat; round += 1) {
    for (const name of round % 2 === 0 ? [...names].reverse() : names) {
      await target.query(`truncate ${table}`)
      await target.query(`delete from etl_control where pipeline = 'pipe'`)
      await Promise.all([source.query('checkpoint'), target.query('checkpoint')])
      const spent = await ways[name]()
      found[name].push(spent)
      const { milliseconds, megabytes } = spent
      bench.log(
        `  ${round}/${bench.repeat} ${name}: ${milliseconds.toFixed(0)} ms, ${megabytes.toFixed(0)} MB`,
      )
      if (name === 'ours') requireEqual(name, await contentOf(target, columns, table), expected)
      else requireEqual(name, await rowsIn(target), String(bench.rows))
    }
  }
  return found
}

async function rowsIn(target: Pair['target']): Promise<string> {
  const [row] = await target.query<{ rows: string }>(`select count(*)::text as rows from ${table}`)
  return row?.rows ?? ''
}

function copyPipe(from: string, table: string, to: string, into: string, columns: readonly string[]): Work {
  const list = columns.join(', ')
  const out = `copy (select ${list} from ${table}) to stdout (format binary)`
  const back = `copy ${into} (${list}) from stdin (format binary)`
  return shell(`${psql} -qX "$FROM" -c "${out}" | ${psql} -qX "$TO" -c "${back}"`, from, to)
}

/** The URLs hold passwords, which a command line would show. */
const shell = (text: string, from: string, to: string): Work => ({
  command: ['bash', '-o', 'pipefail', '-c', text],
  variables: { FROM: from, TO: to },
})
