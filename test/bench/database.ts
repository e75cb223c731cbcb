import pg from 'pg'

import type { Cluster } from '../../bin/demo/cluster.js'

/** One database of the bench, as its superuser. */
export interface Database extends AsyncDisposable {
  readonly url: string
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>
}

/** A database on each of the two servers. */
export interface Pair extends AsyncDisposable {
  readonly source: Database
  readonly target: Database
}

/** The URLs between which rows go: of the databases, or of proxies before them. */
export interface Ends {
  readonly source: string
  readonly target: string
}

type Server = Pick<Cluster, 'url'>

/** Databases of this name are created on both servers. */
export async function createPair(source: Server, target: Server, name: string): Promise<Pair> {
  const pair = {
    source: await createDatabase(source, name),
    target: await createDatabase(target, name),
  }
  return {
    ...pair,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([pair.source[Symbol.asyncDispose](), pair.target[Symbol.asyncDispose]()])
    },
  }
}

async function createDatabase(server: Server, name: string): Promise<Database> {
  await using owner = openDatabase(server.url())
  await owner.query(`create database ${pg.escapeIdentifier(name)} template template0`)
  return openDatabase(server.url(name))
}

export function openDatabase(url: string): Database {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  // Stopping the server ends idle connections.
  pool.on('error', () => undefined)
  return {
    url,
    query: async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) =>
      (await pool.query<Row>(text, [...values])).rows,
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

/** One connection for the time of the work. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** A number of rows and a sum of their hashes: equal for the same rows in whatever order. `from` is a table, or a query with a name. */
export async function contentOf(
  database: Database,
  columns: readonly string[],
  from: string,
  values: readonly unknown[] = [],
): Promise<string> {
  const [row] = await database.query<{ content: string }>(contentQuery(columns, from), values)
  return row?.content ?? ''
}

export function contentQuery(columns: readonly string[], from: string): string {
  return `select count(*) || ':' || coalesce(sum(hashtextextended(row(${columns.join(', ')})::text, 0)), 0) as content from ${from}`
}

/** Throws, so that the time of a strategy whose target differs from its source counts for nothing. */
export function requireEqual(what: string, found: string, expected: string): void {
  if (found !== expected) throw new Error(`${what}: the target is not equal to the source.`)
}
