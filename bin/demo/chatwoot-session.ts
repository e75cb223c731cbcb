import { readFile } from 'node:fs/promises'

import pg from 'pg'

/** Settings of a session that the scripts read: `demo.seed` is `current_setting('demo.seed')`. */
export type DemoSettings = Readonly<Record<string, string | number>>

/**
 * Runs the work on one connection with these settings, in UTC, and closes it. One session for all of it, because the scripts keep temporary
 * tables and functions.
 */
export async function withDemoSession<Result>(
  url: string,
  settings: DemoSettings,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url })
  // If the server stops, the statement fails; without a listener the process would end.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const all = Object.entries({ ...sessionSettings, ...settings })
    await client.query(
      'select set_config(name, value, false) from unnest($1::text[], $2::text[]) as setting (name, value)',
      [all.map(([name]) => name), all.map(([, value]) => String(value))],
    )
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Memory for sorting two million messages; no JIT, which would cost more than it saves; no timeout, as a big source takes minutes. */
const sessionSettings = {
  timezone: 'UTC',
  datestyle: 'ISO',
  work_mem: '64MB',
  maintenance_work_mem: '256MB',
  jit: 'off',
  statement_timeout: '0',
} as const satisfies DemoSettings

/** Runs files of db/demo, named without `.sql`, in order; each is one transaction if none is open. Returns the rows of the last one. */
export async function runDemoScripts<Row extends pg.QueryResultRow>(
  client: pg.Client,
  names: readonly string[],
): Promise<readonly Row[]> {
  let rows: readonly Row[] = []
  for (const name of names) {
    // The same relative path in the source tree and in dist.
    const text = await readFile(new URL(`../../db/demo/${name}.sql`, import.meta.url), 'utf8')
    rows = (await client.query<Row>(text)).rows
  }
  return rows
}
