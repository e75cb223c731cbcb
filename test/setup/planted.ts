import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import pg from 'pg'
import { inject } from 'vitest'

/**
 * The personal data of the tests' Chatwoot: addresses, phone numbers and what people wrote, as far as it is long enough to be found by
 * accident nowhere.
 */
export async function readPlanted(url: string): Promise<string[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query<{ value: string }>(`
      select distinct value
      from (
        select email from contacts
        union all select phone_number from contacts
        union all select email from users
        union all select content from messages
        union all select feedback_message from csat_survey_responses
      ) planted (value)
      where char_length(value) between 12 and 2000
        and value ~ '[[:alnum:]]{2}'
      order by value`)
    return rows.map(({ value }) => value)
  } finally {
    await client.end()
  }
}

/** Throws for a text, such as a log file or the rows of a control table, that holds a secret or personal data of the tests. */
export function expectNothingPlanted(text: string, where: string, more: readonly string[] = []): void {
  const passwords = [inject('sourceServer'), inject('targetServer')].flatMap((url) => new URL(url).password)
  const secrets = [...passwords, ...more].filter((secret) => secret.length >= 8)
  const found = [...secrets, ...inject('planted')].find(
    (value) => text.includes(value) || text.includes(JSON.stringify(value).slice(1, -1)),
  )
  const shaped = found ?? addressOrPhone.exec(text)?.[0]
  if (shaped !== undefined) throw new Error(`${where} holds what has to stay out of it: ${shaped}`)
}

/** Whatever a test makes up itself. */
const addressOrPhone = /[\w.+-]+@[\w-]+\.\w{2,}|(?<!\d)\+[1-9]\d{9,14}(?!\d)/

/**
 * The rows of every table in which a run keeps something about itself, but for rejected rows that were to be kept. Ends all other
 * sessions of the database, whose locks could be in the way; one that a test has dropped has no rows. A session that the pool has to spare
 * is used up: another one would take longer to begin than to read.
 */
export async function readControlRows(url: string, pool?: pg.Pool): Promise<string> {
  const spare = pool && (await readBySpareSession(pool))
  if (spare !== undefined) return spare
  const client = new pg.Client({ connectionString: url, lock_timeout: 10_000 })
  try {
    await client.connect()
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '3D000') return ''
    throw error
  }
  try {
    return await readRows(client)
  } finally {
    await client.end()
  }
}

/** Undefined where there is none that works: a test may have ended it. */
async function readBySpareSession(pool: pg.Pool): Promise<string | undefined> {
  if (pool.idleCount === 0) return undefined
  const client = await pool.connect().catch(() => undefined)
  if (!client) return undefined
  try {
    // Whatever a test has left in it.
    for (const text of ['rollback', 'discard all', `set lock_timeout = '10s'`]) await client.query(text)
    return await readRows(client)
  } catch {
    return undefined
  } finally {
    client.release(true)
  }
}

async function readRows(client: pg.ClientBase): Promise<string> {
  const { rows: found } = await client.query<{ query: string | null }>(`
    with others as (
      select count(pg_terminate_backend(pid))
      from pg_stat_activity
      where datname = current_database()
        and pid <> pg_backend_pid()
    )
    select string_agg(
      format('select (to_jsonb(t) - ''row_data'')::text as text from %I.%I t', n.nspname, c.relname), ' union all '
    ) as query
    from others, pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relname like 'etl\\_%'
      and c.relkind in ('r', 'p')`)
  const query = found[0]?.query
  if (!query) return ''
  const { rows } = await client.query<{ text: string }>(query)
  return rows.map(({ text }) => text).join('\n')
}

/** Looks into every file below a folder of logs, which need not be there. */
export async function expectCleanLogs(folder: string, more: readonly string[] = []): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    expectNothingPlanted(await readFile(file, 'utf8'), file, more)
  }
}
