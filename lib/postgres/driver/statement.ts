import { EventEmitter } from 'node:events'

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

import type pg from 'pg'

import type { DB } from '../../../db/schema/target.js'
import type { Session } from './session.js'

/**
 * Stands for the schema in which the role of the target finds our tables, in every statement about them: the session puts in its place what
 * it has looked up when it began.
 */
const controlSchema = 'chatwoot_sync.control'

const plainBuilder = new Kysely<DB>({ dialect: dialectOver(new DummyDriver()) })

/** Builds typed statements over the tables of the target and never runs any: for those that share a round trip. */
export const builder = plainBuilder.withSchema(controlSchema)

/** One of our tables or functions in the target, for a template. */
export const controlName = (name: string): RawBuilder<unknown> => sql.id(controlSchema, name)

const controlPrefix = `"${controlSchema}".`

/** Whether a statement is about our tables or functions in the target. */
export const isAboutControl = ({ sql: text }: CompiledQuery): boolean => text.includes(controlPrefix)

/** The statement with our schema in it, as SQL writes it; empty where there is none, and the tables are missing. */
export function withControlSchema<Row>(query: CompiledQuery<Row>, schema: string): CompiledQuery<Row> {
  if (!isAboutControl(query)) return query
  // By a function, as a text could hold $& or the like.
  return { ...query, sql: query.sql.replaceAll(controlPrefix, () => (schema === '' ? '' : `${schema}.`)) }
}

/** The text and the parameters of a template; `Row` is what a row of its result looks like. */
export function compile<Row>(statement: RawBuilder<Row>): CompiledQuery<Row> {
  return statement.compile(plainBuilder)
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

/** How many rows a statement returns; one that changes rows says so by `returning 1`. */
export async function countOf(session: Session, statement: RawBuilder<unknown>): Promise<number> {
  const [row] = await session.rows(
    compile(sql<{ rows: string }>`with found as (${statement}) select count(*)::text as rows from found`),
  )
  return Number(row?.rows ?? 0)
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
  }).withSchema(controlSchema)
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

/** What pg calls while the statements run. The types of pg show only `submit`; cursors and COPY streams do the same. */
interface Submitted {
  readonly submit: (connection: pg.Connection) => void
  readonly handleRowDescription: (message: { readonly fields: readonly Field[] }) => void
  readonly handleDataRow: (message: { readonly fields: readonly (string | null)[] }) => void
  readonly handleCommandComplete: () => void
  readonly handleEmptyQuery: () => void
  readonly handlePortalSuspended: () => void
  readonly handleError: (error: Error) => void
  readonly handleReadyForQuery: () => void
  /** The driver wraps it where a caller has set `query_timeout`, and clears its timer when it is called. */
  callback: () => void
}

interface Field {
  readonly name: string
  readonly dataTypeID: number
}

type Row = Record<string, unknown>

/**
 * Sends statements with their parameters in one round trip, and returns the rows of each. Each is parsed once the one before it has been
 * executed, so that a setting holds from the next statement on, unlike in one text, which is parsed as a whole. After a failure none of
 * the later ones runs. Values never become part of a text, which a server shows, logs and keeps.
 */
export function sendPipelined(
  client: pg.ClientBase,
  queries: readonly CompiledQuery[],
  parserOf: (type: number) => (text: string) => unknown,
): Promise<readonly (readonly Row[])[]> {
  const messages = queries.map(({ sql: text, parameters }) => ({ text, values: parameters.map(toText) }))
  return new Promise((resolve, reject) => {
    const results: Row[][] = []
    let rows: Row[] = []
    let columns: { readonly name: string; readonly parse: (text: string) => unknown }[] = []
    const end = () => {
      results.push(rows)
      rows = []
      columns = []
    }
    const submitted: Submitted = {
      submit: (connection) => submit(connection, messages),
      handleRowDescription: ({ fields }) => {
        columns = fields.map(({ name, dataTypeID }) => ({ name, parse: parserOf(dataTypeID) }))
      },
      handleDataRow: ({ fields }) => {
        const row: Row = {}
        columns.forEach(({ name, parse }, index) => {
          const cell = fields[index] ?? null
          row[name] = cell === null ? null : parse(cell)
        })
        rows.push(row)
      },
      handleCommandComplete: end,
      handleEmptyQuery: end,
      handlePortalSuspended: end,
      handleError: (error) => {
        submitted.callback()
        afterAnswer(client, error, () => reject(error))
      },
      handleReadyForQuery: () => {
        submitted.callback()
        resolve(results)
      },
      callback: () => undefined,
    }
    client.query(submitted)
  })
}

interface Message {
  readonly text: string
  readonly values: (string | Buffer | null)[]
}

function submit(connection: pg.Connection, messages: readonly Message[]): void {
  connection.stream.cork()
  try {
    for (const { text, values } of messages) {
      connection.parse({ name: '', text, types: [] }, true)
      connection.bind({ values }, true)
      connection.describe({ type: 'P', name: '' }, true)
      connection.execute({}, true)
    }
    connection.sync()
  } finally {
    connection.stream.uncork()
  }
}

function toText(value: unknown): string | Buffer | null {
  if (value === null || value === undefined) return null
  if (Buffer.isBuffer(value)) return value
  if (typeof value === 'object')
    throw new TypeError('A parameter of a statement is a text, a number or a boolean.')
  return String(value)
}

/** The server reports an error before it says in which state the transaction is; a connection that is lost says nothing more. */
function afterAnswer(client: pg.ClientBase, error: Error, settle: () => void): void {
  const connection = connectionOf(client)
  if (!connection || !('severity' in error)) {
    settle()
    return
  }
  const events = ['readyForQuery', 'end', 'error']
  const once = () => {
    for (const event of events) connection.removeListener(event, once)
    settle()
  }
  for (const event of events) connection.on(event, once)
}

/** Whether a transaction is open, or has failed and is not rolled back yet, as the server has said last. */
export function transactionOf(client: pg.ClientBase): { isOpen(): boolean } {
  let status = 'I'
  connectionOf(client)?.on('readyForQuery', (message: { readonly status?: string } | undefined) => {
    status = message?.status ?? 'I'
  })
  return { isOpen: () => status !== 'I' }
}

/** The types of pg do not show where it is. */
function connectionOf(client: pg.ClientBase): NodeJS.EventEmitter | undefined {
  const connection: unknown = Reflect.get(client, 'connection')
  return connection instanceof EventEmitter ? connection : undefined
}
