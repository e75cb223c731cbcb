import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type RawBuilder,
} from 'kysely'

import type { DB } from '../../../db/schema/target.js'
import type { Session } from './session.js'

/** Builds typed statements over the tables of the target and never runs any: for those that share a round trip. */
export const builder = new Kysely<DB>({ dialect: dialectOver(new DummyDriver()) })

/** The text and the parameters of a template; `Row` is what a row of its result looks like. */
export function compile<Row>(statement: RawBuilder<Row>): CompiledQuery<Row> {
  return statement.compile(builder)
}

/** A statement without parameters. */
export function plain(text: string): CompiledQuery {
  return compile(sql.raw(text))
}

/** The row of a statement that always returns exactly one. */
export function onlyRow<Row>([row]: readonly Row[]): Row {
  if (row === undefined) throw new TypeError('A statement that always returns a row returned none.')
  return row
}

/** Kysely over a connection that is held already. Transactions belong to the session, so it begins and ends none. */
export function kyselyOver(rows: Session['rows']): Kysely<DB> {
  const connection: DatabaseConnection = {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- Kysely's own signature.
    executeQuery: async <Row>(query: CompiledQuery) => ({
      // Kysely types a result where it is selected, and asks for it by that type here.
      rows: [...(await rows(query as CompiledQuery<Row>))],
    }),
    streamQuery: () => {
      throw new TypeError('Rows are streamed by the session.')
    },
  }
  const driver = new DummyDriver()
  return new Kysely<DB>({
    dialect: dialectOver(Object.assign(driver, { acquireConnection: async () => connection })),
  })
}

function dialectOver(driver: Driver): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}

/**
 * The statement with its parameters written into it, for COPY and for several statements in one round trip, neither of which can have
 * any. Quoted names and texts of the statement itself are passed over, as they may hold what looks like a parameter.
 */
export function inline({ sql, parameters }: CompiledQuery, escapeLiteral: (text: string) => string): string {
  return sql.replaceAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|\$(\d+)/g, (part, place?: string) => {
    if (place === undefined) return part
    const value = parameters[Number(place) - 1]
    return value === null || value === undefined ? 'null' : ` ${escapeLiteral(String(value))}`
  })
}
