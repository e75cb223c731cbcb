// Writes the Kysely types of the target, as the migrations create it, to db/schema/target.ts. With --verify it writes nothing, and fails
// when the file differs from what it would write.
import { readFile, writeFile } from 'node:fs/promises'

import { Cli } from 'kysely-codegen'
import pg from 'pg'

import { startCluster, type Cluster } from '../bin/demo/cluster.js'
import { migrate } from '../lib/postgres/migrate/migrate.js'

const file = new URL('../db/schema/target.ts', import.meta.url)

// The generator leaves its pool open, which the end of the server would turn into an uncaught error.
process.on('uncaughtException', (error) => {
  if (Reflect.get(error, 'code') === '57P01') return
  console.error(error)
  process.exitCode = 1
})

await using cluster = await startCluster()
const target = await createDatabase(cluster, 'target')
await migrate({ target })
const types = await typesOf(target)
if (process.argv.includes('--verify')) await verify(types)
else await writeFile(file, types)

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

async function verify(types: string): Promise<void> {
  const committed = await readFile(file, 'utf8').catch(() => '')
  if (committed === types) return
  console.error('db/schema/target.ts differs from the migrated database: run npm run schema.')
  console.error([...onlyIn(committed, types, '-'), ...onlyIn(types, committed, '+')].join('\n'))
  process.exitCode = 1
}

/** The lines of one text that the other lacks: enough to see what changed. */
function onlyIn(text: string, other: string, sign: string): string[] {
  const others = new Set(other.split('\n'))
  return text.split('\n').flatMap((line) => (others.has(line) ? [] : `${sign} ${line}`))
}
