import { sql } from 'kysely'

import type { Session } from './session.js'
import { compile } from './statement.js'

/** The release of PostgreSQL of a server, and how its database stores texts. */
export interface ServerVersion {
  readonly major: number
  /** As the server writes it: `16.4 (Debian 16.4-1)`. */
  readonly text: string
  /** Encoding of the database, such as `UTF8`. */
  readonly encoding: string
}

export async function readServerVersion(session: Session): Promise<ServerVersion> {
  const [row] = await session.rows(
    compile(sql<{ number: number; text: string; encoding: string }>`
      select
        current_setting('server_version_num')::integer as number,
        current_setting('server_version')::text as text,
        pg_encoding_to_char(d.encoding)::text as encoding
      from pg_database d
      where d.datname = current_database()`),
  )
  return {
    major: Math.floor(Number(row?.number) / 10_000),
    text: row?.text ?? 'of an unknown release',
    encoding: row?.encoding ?? '',
  }
}
