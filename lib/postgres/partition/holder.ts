import { sql } from 'kysely'

import type { TableName } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile, onlyRow } from '../driver/statement.js'
import type { RebuiltTable } from './rebuilt-table.js'

/** Who has a say about a table, and what the server has room for. */
export interface TableHolder {
  /** The role of the connection may act as the owner. */
  readonly isOwner: boolean
  /** pg_partman makes and drops its partitions. */
  readonly isPartmans: boolean
  /** Locks that all sessions together can hold. */
  readonly lockSlots: number
}

export async function readHolder(
  target: Session,
  table: Pick<RebuiltTable, 'oid' | 'schema' | 'name'>,
): Promise<TableHolder> {
  const row = onlyRow(
    await target.rows(
      compile(sql<{ owner: boolean; slots: string; partman: string | null }>`
        select
          pg_has_role(c.relowner, 'usage') as owner,
          (
            current_setting('max_locks_per_transaction')::bigint
              * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)
          )::text as slots,
          (
            select n.nspname::text
            from pg_extension e
            join pg_namespace n on n.oid = e.extnamespace
            where e.extname = 'pg_partman'
          ) as partman
        from pg_class c
        where c.oid = ${table.oid}::oid`),
    ),
  )
  return {
    isOwner: row.owner,
    lockSlots: Number(row.slots),
    isPartmans: row.partman !== null && (await isKnownTo(target, row.partman, table)),
  }
}

async function isKnownTo(target: Session, partman: string, { schema, name }: TableName): Promise<boolean> {
  const rows = await target.rows(
    compile(sql`
      select 1 as found
      from ${sql.id(partman, 'part_config')}
      where parent_table = ${`${schema}.${name}`}::text`),
  )
  return rows.length > 0
}

/** The names of those that exist. */
export async function existingTables(target: Session, tables: readonly TableName[]): Promise<string[]> {
  const rows = await target.rows(
    compile(sql<{ name: string }>`
      select wanted.name
      from json_to_recordset(${JSON.stringify(tables)}::json) wanted (schema text, name text)
      where to_regclass(format('%I.%I', wanted.schema, wanted.name)) is not null`),
  )
  return rows.map(({ name }) => name)
}
