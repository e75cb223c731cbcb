import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'
import { expect, vi } from 'vitest'

import { cloneDatabase } from './setup/database.js'

/** An empty database, a session in it, and an empty folder for migrations. */
export async function openMigrationFixture() {
  const database = await cloneDatabase('target', 'template1')
  const client = new pg.Client(database.url)
  await client.connect()
  const directory = await mkdtemp(join(tmpdir(), 'migrate-test-'))
  return {
    target: database.url,
    name: database.name,
    client,
    directory,
    add: (name: string, up: string, options = '') =>
      writeFile(
        join(directory, `${name}.sql`),
        `-- migrate:up ${options}\n${up};\n-- migrate:down\nselect 1;\n`,
      ),
    tables: () => tablesOf(client),
    versions: () => versionsOf(client),
    others: (text: string) => othersRunning(client, text),
    /** Waits until as many other sessions of this database last ran a statement with that text. */
    untilOthers: (text: string, count: number) =>
      vi.waitFor(async () => expect(await othersRunning(client, text)).toHaveLength(count), {
        timeout: 30_000,
      }),
    async [Symbol.asyncDispose]() {
      await client.end()
      await database[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`
    select relname as name
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm')
    order by relname`)
  return rows.map(({ name }) => name)
}

async function versionsOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ version: string }>(
    'select version from schema_migrations order by version',
  )
  return rows.map(({ version }) => version)
}

async function othersRunning(client: pg.Client, text: string): Promise<number[]> {
  const { rows } = await client.query<{ pid: number }>(
    `select pid
     from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and query like $1::text`,
    [`%${text}%`],
  )
  return rows.map(({ pid }) => pid)
}
