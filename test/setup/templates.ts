import pg from 'pg'

import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'

/** Conversations in `chatwoot_template`: enough for every kind of them, few enough for a run to be quick. */
export const chatwootSize = 120

/** Conversations where every cell is compared, or a disk is filled. */
export const largeSize = 482

/**
 * Creates the databases that the tests copy: `chatwoot_template`, a Chatwoot of the demo, in the source server, and
 * `analytics_template`, migrated and empty, in the target server. Nobody is connected to them when it returns.
 */
export async function buildTemplates(sourceUrl: string, targetUrl: string): Promise<void> {
  await Promise.all([buildSource(sourceUrl), buildTarget(targetUrl)])
}

async function buildSource(server: string): Promise<void> {
  await createChatwootSource(await recreateDatabase(server, 'chatwoot_template'), {
    conversations: chatwootSize,
  })
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
