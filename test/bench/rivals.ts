import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import { pipeline } from 'node:stream/promises'

import { withClient, type Ends, type Pair } from './database.js'
import { namesOf, type TableData } from './data-tables.js'

/** Brings the rows of `data` into a table of the target that has the same columns; the first `rows` of them where it is slow. */
export type Rival = (ends: Ends, data: TableData, table: string) => Promise<void>

/** L1, the practical limit: one binary COPY into a temporary table, then one statement. No batches, nothing to go on from. */
export const limit: Rival = ({ source, target }, data, table) =>
  withClient(source, (reader) =>
    withClient(target, async (writer) => {
      const names = namesOf(data).join(', ')
      await writer.query('begin')
      await writer.query(
        `create temp table limit_stage on commit drop as select ${names} from ${table} with no data`,
      )
      await pipeline(
        reader.query(to(`copy (select ${names} from ${data.name}) to stdout (format binary)`)),
        writer.query(from(`copy limit_stage (${names}) from stdin (format binary)`)),
      )
      await writer.query(upsertFrom('limit_stage', data, table))
      await writer.query('commit')
    }),
  )

/** What one would write in SQL alone. The table `foreign_rows` has to be there, see `linkServers`. */
export const foreignTable: Rival = ({ target }, data, table) =>
  withClient(target, async (writer) => {
    await writer.query(upsertFrom('foreign_rows', data, table))
  })

/** One statement a row, all in one transaction. */
export const rowByRow =
  (rows: number): Rival =>
  ({ source, target }, data, table) =>
    withClient(target, async (writer) => {
      const names = namesOf(data)
      const places = names.map((_, at) => `$${at + 1}`).join(', ')
      const statement = `insert into ${table} as t (${names.join(', ')}) values (${places}) ${onConflict(data)}`
      await writer.query('begin')
      for await (const portion of portionsOf(source, data, rows)) {
        for (const row of portion) await writer.query(statement, Object.values(row))
      }
      await writer.query('commit')
    })

/** Many rows a statement, as a query builder writes them. */
export const queryBuilder =
  (rows: number): Rival =>
  async ({ source, target }, data, table) => {
    const dialect = new PostgresDialect({ pool: new pg.Pool({ connectionString: target, max: 1 }) })
    const db = new Kysely<Record<string, Record<string, unknown>>>({ dialect })
    const changed = namesOf(data).filter((name) => name !== 'id')
    await db.transaction().execute(async (transaction) => {
      for await (const portion of portionsOf(source, data, rows)) {
        await transaction
          .insertInto(table)
          .values(portion)
          .onConflict((conflict) =>
            conflict
              .column('id')
              .doUpdateSet((eb) =>
                Object.fromEntries(changed.map((name) => [name, eb.ref(`excluded.${name}`)])),
              ),
          )
          .execute()
      }
    })
    await db.destroy()
  }

/** Makes the source's table one of the target, `foreign_rows`. It fetches 5000 rows at a time; by default it would be 100. */
export async function linkServers({ source, target }: Pair, { name, columns }: TableData): Promise<void> {
  const { hostname, port, pathname, username, password } = new URL(source.url)
  const quote = (text: string) => pg.escapeLiteral(decodeURIComponent(text))
  await target.query('create extension postgres_fdw')
  await target.query(
    `create server far foreign data wrapper postgres_fdw
     options (host ${quote(hostname)}, port '${port}', dbname ${quote(pathname.slice(1))}, fetch_size '5000')`,
  )
  await target.query(
    `create user mapping for current_user server far options (user ${quote(username)}, password ${quote(password)})`,
  )
  const list = columns.map((column) => `${column.name} ${column.type}`).join(', ')
  await target.query(`create foreign table foreign_rows (${list}) server far options (table_name '${name}')`)
}

/** Statements with more parameters than 65,535 fail. */
const rowsPerStatement = 500

/** The first rows by id, in portions. */
async function* portionsOf(source: string, data: TableData, rows: number) {
  const client = new pg.Client({ connectionString: source, types: losslessTypes })
  await client.connect()
  const text = `select ${namesOf(data).join(', ')} from ${data.name} order by id limit ${rows}`
  const cursor = client.query(new Cursor<Record<string, unknown>>(text))
  for (;;) {
    const portion = await cursor.read(rowsPerStatement)
    if (portion.length === 0) break
    yield portion
  }
  await client.end()
}

const { DATE, TIMESTAMP, JSONB } = pg.types.builtins
const texts = new Set<number>([DATE, TIMESTAMP, JSONB])

/** A Date loses microseconds, and pg would send a list of json back as an array of PostgreSQL. */
const losslessTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    texts.has(oid) && format !== 'binary' ? String : pg.types.getTypeParser(oid, format),
}

function upsertFrom(stage: string, data: TableData, table: string): string {
  const names = namesOf(data).join(', ')
  return `insert into ${table} as t (${names}) select ${names} from ${stage} ${onConflict(data)}
    where (t.*) is distinct from (excluded.*)`
}

function onConflict(data: TableData): string {
  const changed = namesOf(data).filter((name) => name !== 'id')
  return `on conflict (id) do update set ${changed.map((name) => `${name} = excluded.${name}`).join(', ')}`
}
