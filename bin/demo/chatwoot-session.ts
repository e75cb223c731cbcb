import { readFile } from 'node:fs/promises'

import pg from 'pg'

/** Settings of one session that the scripts ask for: `demo.seed` is `current_setting('demo.seed')`. */
export type DemoSettings = Readonly<Record<string, string | number>>

/**
 * One connection with the settings made, closed when the work is done. Texts of times are read and written in UTC.
 * The scripts keep temporary tables and functions, so all of a task runs in one session.
 */
export async function withDemoSession<Result>(
  url: string,
  settings: DemoSettings,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url })
  // A server that stops meanwhile is seen by the statement; without a listener it would end the process.
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

/** Memory for sorting two million messages; no compiler, which would cost more than it saves; no limit, as a big source takes minutes. */
const sessionSettings = {
  timezone: 'UTC',
  datestyle: 'ISO',
  work_mem: '64MB',
  maintenance_work_mem: '256MB',
  jit: 'off',
  statement_timeout: '0',
} as const satisfies DemoSettings

/** Runs files of db/demo, without their `.sql`, in this order; each is one transaction where none is open. Returns the rows of the last. */
export async function runDemoScripts<Row extends pg.QueryResultRow>(
  client: pg.Client,
  names: readonly string[],
): Promise<readonly Row[]> {
  let rows: readonly Row[] = []
  for (const name of names) {
    // Beside `lib` both in the source tree and in `dist`.
    const text = await readFile(new URL(`../../db/demo/${name}.sql`, import.meta.url), 'utf8')
    rows = (await client.query<Row>(text)).rows
  }
  return rows
}
