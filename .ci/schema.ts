// Writes the Kysely types of both databases to db/schema: the target's from the migrations, the source's from the Chatwoot tables
// that the demo builds. With --verify it writes nothing and fails where a file differs from what it would write.
import { mkdir, readFile, writeFile } from 'node:fs/promises'

import { Cli } from 'kysely-codegen'
import pg from 'pg'

import { createChatwootSource } from '../bin/demo/chatwoot-source.js'
import { startCluster, type Cluster } from '../bin/demo/cluster.js'
import { migrate } from '../lib/postgres/migrate/migrate.js'

const folder = new URL('../db/schema/', import.meta.url)
const keep = process.argv.includes('--verify') ? verify : write

// The generator leaves its pool open, which the end of the server would turn into an uncaught error.
process.on('uncaughtException', (error) => {
  if (Reflect.get(error, 'code') === '57P01') return
  console.error(error)
  process.exitCode = 1
})

await using cluster = await startCluster()
const target = await createDatabase(cluster, 'target')
await migrate({ target })
await keep('target.ts', await typesOf(target))

const source = await createDatabase(cluster, 'source')
await createChatwootSource(source, { conversations: 0 })
await keep('source.ts', await typesOf(source))

async function createDatabase({ url }: Cluster, name: string): Promise<string> {
  const client = new pg.Client(url())
  await client.connect()
  await client.query(`create database ${client.escapeIdentifier(name)}`)
  await client.end()
  return url(name)
}

/** In this process rather than by its command, which would get the password as an argument or by the environment. */
function typesOf(url: string): Promise<string> {
  return new Cli().generate({
    dialect: 'postgres',
    url,
    outFile: null,
    logLevel: 'silent',
    excludePattern: '*schema_migrations*',
    // As the type parsers of lib/postgres give them: no time and no big number passes through a JavaScript Date or float.
    dateParser: 'string',
    numericParser: 'string',
    typeMapping: { timestamptz: 'string', timestamp: 'string', int8: 'string' },
  })
}

async function write(name: string, types: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(new URL(name, folder), types)
}

async function verify(name: string, types: string): Promise<void> {
  const kept = await readFile(new URL(name, folder), 'utf8').catch(() => '')
  if (kept === types) return
  console.error(`db/schema/${name} differs from its database: run npm run schema.`)
  console.error([...onlyIn(kept, types, '-'), ...onlyIn(types, kept, '+')].join('\n'))
  process.exitCode = 1
}

/** Lines of one text that the other lacks: enough to see what changed. */
function onlyIn(text: string, other: string, sign: string): string[] {
  const others = new Set(other.split('\n'))
  return text.split('\n').flatMap((line) => (others.has(line) ? [] : `${sign} ${line}`))
}
