import type { CompiledQuery, Kysely } from 'kysely'

import type { DB } from '../../../db/schema/target.js'
import type { Wire } from './wire-guard.js'

/** Which of the two databases; error codes and remedies differ. */
export type Side = 'source' | 'target'

/** Where a statement runs: the side, and the schema of our tables where the options name it. */
export type Place = Pick<Session, 'side' | 'schema'>

/** One row of a stream: the server's texts in the order of the select list. Every other row is an object with names. */
export type Cells = readonly (string | null)[]

/** The rows of each of several statements, in their order. */
export type RowsOfEach<Rows extends readonly unknown[]> = {
  readonly [Place in keyof Rows]: readonly Rows[Place][]
}

/**
 * One connection, held for the whole of a run: the lock and the writes of a run must live and die together.
 *
 * A Date loses microseconds and a JavaScript number loses digits, and the parsers of a caller's Kysely are unknown. Statements therefore
 * select only texts, integers of 32 bits and booleans, and cast everything else to text.
 */
export interface Session extends AsyncDisposable {
  readonly side: Side
  /** The schema of our tables in the target, where the options name it; else the path of the role leads to them. */
  readonly schema: string | undefined
  /**
   * Process id of the server's end, as the driver knows it. Behind a pooler it is an id of the pooler's own, and undefined where the connection
   * string names one.
   */
  readonly process: string | undefined
  /** Who can read what the connection carries, while it is open; undefined where the driver does not show it. */
  readonly wire: Wire | undefined
  /** Fires when the connection is lost. */
  readonly lost: AbortSignal
  /** The encoding of the database, as PostgreSQL writes it; undefined before the first statement. */
  encoding(): string | undefined
  /** How often the program has waited for the server. */
  roundTrips(): number
  /** The control tables through Kysely, typed by the schema of the target; its statements run on this connection. */
  readonly db: Kysely<DB>
  /** The rows of one statement, as objects. */
  rows<Row>(query: CompiledQuery<Row>): Promise<readonly Row[]>
  /** Runs statements in one round trip where the driver can; the rows of each. After a failure none of the later ones runs. */
  together<const Rows extends readonly unknown[]>(queries: {
    readonly [Place in keyof Rows]: CompiledQuery<Rows[Place]>
  }): Promise<RowsOfEach<Rows>>
  /** Runs statements without parameters and without results in one round trip where the driver can. */
  script(statements: readonly string[]): Promise<void>
  /** The rows of a query as cells, in batches of at most `size()` rows, through a cursor that is closed when the iteration ends, however it ends. */
  fetch(query: CompiledQuery, columns: number, size: () => number): AsyncIterable<readonly Cells[]>
  /** Appends rows of cells to a table. */
  fill(table: Destination, rows: readonly Cells[]): Promise<void>
  /** COPY in both directions; undefined where the driver offers none. */
  readonly copy: Copy | undefined
  /** Ends the connection at once, even in the middle of a statement; pending calls reject. */
  destroy(reason: unknown): void
}

/** A table to be filled: its columns in order, with the types to which the texts are cast; without a modifier, as a cast truncates. */
export interface Destination {
  /** Absent for a temporary table. */
  readonly schema?: string
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /** One of the columns is an identity that is always generated, unless an insert says otherwise. COPY needs not say so. */
  readonly isIdentity?: boolean
}

/** How many rows are asked for at once. */
export interface FetchLimits {
  readonly maxRows: number
  /** Roughly. */
  readonly maxBytes: number
}

/** Streams in PostgreSQL's binary COPY format, in pieces that may end anywhere. */
export interface BinaryCopy {
  /** The rows of a query. A slow consumer slows the server down. */
  out(query: CompiledQuery): AsyncIterable<Buffer>
  /** Fills a table from such a stream. */
  into(table: Destination, stream: Iterable<Buffer>): Promise<void>
  /**
   * The rows of a query through a cursor, with each value as the bytes of its text, without the header and the trailer of a COPY; undefined
   * where the driver does not show them.
   */
  readonly fetchTexts: ((query: CompiledQuery, limits: FetchLimits) => AsyncIterable<Buffer>) | undefined
  /** Appends whole rows of that form to a table. */
  fillTexts(table: Destination, pieces: Iterable<Buffer>): Promise<void>
}

export interface Copy extends BinaryCopy {
  /** The rows of a query as CSV with these options; `onRow` is called with the bytes of each, before they come. */
  csv(query: CompiledQuery, options: string, onRow: (bytes: number) => void): AsyncIterable<Buffer>
}
