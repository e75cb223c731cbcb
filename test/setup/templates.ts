import pg from 'pg'

/** Creates the databases that the tests copy: `chatwoot_template` in the source server, `analytics_template` in the target server. */
export async function buildTemplates(sourceUrl: string, targetUrl: string): Promise<void> {
  await Promise.all([
    recreateDatabase(sourceUrl, 'chatwoot_template'),
    recreateDatabase(targetUrl, 'analytics_template'),
  ])
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
