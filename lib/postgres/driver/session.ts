import type { CompiledQuery } from 'kysely'

/** Which of the two databases; error codes and remedies differ. */
export type Side = 'source' | 'target'

/** One row as the server's texts, in the order of the select list. */
export type Cells = readonly (string | null)[]

/**
 * One connection, held for the whole of a run: the lock and the writes of a run must live and die together.
 *
 * Values come back as texts, because a Date loses microseconds and a number loses digits. Statements therefore select only texts,
 * integers and booleans cast to text, so that a session over a caller's Kysely, whose parsers are unknown, gives the same texts.
 */
export interface Session extends AsyncDisposable {
  readonly side: Side
  /** Process id of the server's end, as far as the driver tells; a pooler in between has ids of its own, and undefined where the caller knows of one. */
  readonly process: string | undefined
  /** Fires when the connection is gone. */
  readonly lost: AbortSignal
  /** How often the program has waited for the server. */
  roundTrips(): number
  rows(query: CompiledQuery): Promise<readonly Cells[]>
  /** Runs statements without parameters in one go; the rows of the last one. */
  script(statements: readonly string[]): Promise<readonly Cells[]>
  /** Runs statements in one round trip where the driver can; the rows of each. After a failure none of the later ones is run. */
  together(queries: readonly CompiledQuery[]): Promise<readonly (readonly Cells[])[]>
  /** The rows of a query in portions of at most `size()` rows, through a cursor that is closed when the iteration ends, however it ends. */
  portions(query: CompiledQuery, columns: number, size: () => number): AsyncIterable<readonly Cells[]>
  /** Fills a table from rows of texts. */
  stage(table: Destination, rows: readonly Cells[]): Promise<void>
  /** COPY in both directions, in the binary format; undefined where the driver offers none. */
  readonly copy: BinaryCopy | undefined
  /** Ends the connection at once, whatever it does; pending calls reject. */
  destroy(reason: unknown): void
}

/** A table to be filled: its columns in order, with the types to which the texts are cast. */
export interface Destination {
  /** Absent for a temporary table. */
  readonly schema?: string
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
}

/** Streams in PostgreSQL's binary COPY format, in pieces that are cut anywhere. */
export interface BinaryCopy {
  /** The rows of a query. The caller's pace holds the server back. */
  out(query: CompiledQuery): AsyncIterable<Buffer>
  /** Fills a table from such a stream. */
  into(table: Destination, stream: Iterable<Buffer>): Promise<void>
}
