import { sql, type CompiledQuery } from 'kysely'

import { tableOf } from '../driver/catalog.js'
import { qualified, type TableName } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile, controlName } from '../driver/statement.js'
import { logTrigger, statementEvents } from '../driver/writing-rules.js'
import { copyNames } from './copy-table.js'
import type { RebuiltTable } from './rebuilt-table.js'

/**
 * Creates the triggers by which each statement that changes rows of the table notes their keys, in its own transaction, whoever runs it. Once they
 * are committed, each row that a copy does not show as it is has a note: creating them waits for the transactions that have written to the table.
 */
export const createLogTriggers = (table: Pick<RebuiltTable, 'schema' | 'name' | 'key'>): CompiledQuery[] =>
  statementEvents.map(({ event, rows }) =>
    compile(sql`
      create trigger ${nameOf(event)}
      after ${sql.raw(event)} on ${tableOf(table)}
      ${sql.raw(rows)}
      for each statement
      execute function ${controlName(logTrigger)}(${sql.lit(qualified(table))}, ${sql.lit(keyOf(table))})`),
  )

export const dropLogTriggers = (table: TableName): CompiledQuery[] =>
  statementEvents.map(({ event }) =>
    compile(sql`drop trigger if exists ${nameOf(event)} on ${tableOf(table)}`),
  )

const nameOf = (event: string) => sql.id(`etl_rebuild_${event}`)

const keyOf = ({ key }: Pick<RebuiltTable, 'key'>) => key?.columns[0] ?? ''

/** Notes that are taken together at most. */
const takenAtOnce = 5000

/** Notes that were taken out of the log. */
export interface TakenChanges {
  /** Each once. */
  readonly keys: readonly string[]
  /** The table was emptied. */
  readonly isEmptied: boolean
  /** There may be more. */
  readonly isFull: boolean
}

/**
 * Takes some notes out of the log. In the transaction that then copies the rows of these keys as they are by then: what changes later has a note that
 * is still there.
 */
export async function takeChanges(target: Session, table: TableName): Promise<TakenChanges> {
  const rows = await target.rows(
    compile(sql<{ row_key: string | null; notes: string }>`
      with taken as (
        delete from ${controlName('etl_partition_changes')} c
        where c.change in (
            select n.change
            from ${controlName('etl_partition_changes')} n
            where n.table_name = ${qualified(table)}::text
            order by n.change
            limit ${sql.lit(takenAtOnce)}
          )
        returning c.row_key
      )
      select row_key, count(*)::text as notes
      from taken
      group by row_key`),
  )
  return {
    keys: rows.flatMap(({ row_key: key }) => key ?? []),
    isEmptied: rows.some(({ row_key: key }) => key === null),
    isFull: rows.reduce((sum, { notes }) => sum + Number(notes), 0) >= takenAtOnce,
  }
}

/** Brings the rows of these keys in the copy to what the table holds of them. */
export function copyKeys(
  table: Pick<RebuiltTable, 'schema' | 'name' | 'key' | 'columns'>,
  keys: readonly string[],
): readonly [CompiledQuery, CompiledQuery] {
  const { copy } = copyNames(table)
  const key = sql.id(keyOf(table))
  const listed = sql`
    select listed.key::${sql.raw(table.key?.type ?? 'text')}
    from json_array_elements_text(${JSON.stringify(keys)}::json) listed (key)`
  const names = sql.join(table.columns.stored.map((name) => sql.id(name)))
  return [
    compile(sql`delete from ${tableOf(copy)} t where t.${key} in (${listed})`),
    compile(sql`
      insert into ${tableOf(copy)} (${names})
      select ${names}
      from ${tableOf(table)} t
      where t.${key} in (${listed})`),
  ]
}

export const emptyCopy = (table: TableName): CompiledQuery =>
  compile(sql`truncate ${tableOf(copyNames(table).copy)}`)

/** How many rows table and copy have, and how many notes there are, as of one snapshot. */
export const countBoth = (table: TableName) =>
  compile(sql<{ rows: string; copied: string; changes: string }>`
    select
      (select count(*) from ${tableOf(table)})::text as rows,
      (select count(*) from ${tableOf(copyNames(table).copy)})::text as copied,
      (
        select count(*)
        from ${controlName('etl_partition_changes')}
        where table_name = ${qualified(table)}::text
      )::text as changes`)
