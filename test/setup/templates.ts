import pg from 'pg'

import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'

/**
 * Creates the databases that the tests copy: `chatwoot_template`, the demo's 482 conversations, in the source server, and
 * `analytics_template`, migrated and empty, in the target server. Nobody is connected to them when it returns.
 */
export async function buildTemplates(sourceUrl: string, targetUrl: string): Promise<void> {
  await Promise.all([buildSource(sourceUrl), buildTarget(targetUrl)])
}

async function buildSource(server: string): Promise<void> {
  await createChatwootSource(await recreateDatabase(server, 'chatwoot_template'), { conversations: 482 })
}

async function buildTarget(server: string): Promise<void> {
  await migrate({ target: await recreateDatabase(server, 'analytics_template') })
}

/** Returns the URL of a new, empty database; one that an interrupted run has left under that name is dropped. */
async function recreateDatabase(server: string, name: string): Promise<string> {
  const client = new pg.Client(server)
  await client.connect()
  try {
    const identifier = client.escapeIdentifier(name)
    const { rowCount } = await client.query('select from pg_database where datname = $1::text', [name])
    if (rowCount) await client.query(`alter database ${identifier} with is_template false`)
    await client.query(`drop database if exists ${identifier} with (force)`)
    await client.query(`create database ${identifier} template template0`)
  } finally {
    await client.end()
  }
  const url = new URL(server)
  url.pathname = `/${encodeURIComponent(name)}`
  return url.href
}
