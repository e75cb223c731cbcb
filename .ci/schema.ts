// Writes what is made of the target as the migrations create it: its Kysely types to db/schema/target.ts, and the pages of its columns.
// With --verify it writes nothing, and fails when a file differs from what it would write.
import { readFile, writeFile } from 'node:fs/promises'

import { Cli } from 'kysely-codegen'
import pg from 'pg'

import { startCluster, type Cluster } from '../bin/demo/cluster.js'
import { migrate } from '../lib/postgres/migrate/migrate.js'
import { columnPages, describedColumns, type DescribedColumn } from './column-pages.js'

const root = new URL('../', import.meta.url)

// The generator leaves its pool open, which the end of the server would turn into an uncaught error.
process.on('uncaughtException', (error) => {
  if (Reflect.get(error, 'code') === '57P01') return
  console.error(error)
  process.exitCode = 1
})

await using cluster = await startCluster()
const target = await createDatabase(cluster, 'target')
await migrate({ target })
const made = new Map([['db/schema/target.ts', await typesOf(target)], ...(await pagesOf(target))])
for (const [path, text] of made) {
  if (process.argv.includes('--verify')) await verify(path, text)
  else await writeFile(new URL(path, root), text)
}

async function createDatabase({ url }: Cluster, name: string): Promise<string> {
  const client = new pg.Client(url())
  await client.connect()
  await client.query(`create database ${client.escapeIdentifier(name)}`)
  await client.end()
  return url(name)
}

/** In this process rather than by the generator's command, which would take the password as an argument or from the environment. */
function typesOf(url: string): Promise<string> {
  return new Cli().generate({
    dialect: 'postgres',
    url,
    outFile: null,
    logLevel: 'silent',
    excludePattern: '*schema_migrations*',
    // As the type parsers of lib/postgres return them: no time or big number passes through a JavaScript Date or float.
    dateParser: 'string',
    numericParser: 'string',
    typeMapping: { timestamptz: 'string', timestamp: 'string', int8: 'string' },
  })
}

async function pagesOf(url: string): Promise<Map<string, string>> {
  const client = new pg.Client(url)
  await client.connect()
  const { rows } = await client.query<DescribedColumn>(describedColumns)
  await client.end()
  return columnPages(rows)
}

async function verify(path: string, text: string): Promise<void> {
  const committed = await readFile(new URL(path, root), 'utf8').catch(() => '')
  if (committed === text) return
  console.error(`${path} differs from the migrated database: run npm run schema.`)
  console.error([...onlyIn(committed, text, '-'), ...onlyIn(text, committed, '+')].join('\n'))
  process.exitCode = 1
}

/** The lines of one text that the other lacks: enough to see what changed. */
function onlyIn(text: string, other: string, sign: string): string[] {
  const others = new Set(other.split('\n'))
  return text.split('\n').flatMap((line) => (others.has(line) ? [] : `${sign} ${line}`))
}
