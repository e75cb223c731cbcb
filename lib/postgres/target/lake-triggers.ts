import { sql, type CompiledQuery } from 'kysely'

import { relationNamed, tableOf } from '../driver/catalog.js'
import { qualified, type TableName } from '../driver/search-path.js'
import { compile, controlName } from '../driver/statement.js'
import { lakeTrigger, statementEvents } from '../driver/writing-rules.js'

/** Who marks months, and for whom. */
export interface LakeTriggers {
  readonly table: TableName
  readonly lakeId: string
  readonly pipeline: string
  readonly lake: string
}

/**
 * Creates the triggers by which each statement that changes rows of the table marks their months for the lake. They begin with the first
 * statement after their commit: creating them waits for the transactions that have written to the table, and those that come wait for them.
 */
export function createTriggers({ table, lakeId, pipeline, lake }: LakeTriggers): CompiledQuery[] {
  return statementEvents.map(({ event, rows }) =>
    compile(sql`
      create trigger ${sql.id(nameOf(event, lakeId))}
      after ${sql.raw(event)} on ${tableOf(table)}
      ${sql.raw(rows)}
      for each statement
      execute function ${controlName(lakeTrigger)}(${sql.lit(pipeline)}, ${sql.lit(lake)})`),
  )
}

/** The first of them takes the lock that the others need: two that drop triggers at once would each hold a part of it, and wait for the other. */
export function dropTriggers({ table, lakeId }: Pick<LakeTriggers, 'table' | 'lakeId'>): CompiledQuery[] {
  return [
    compile(sql`lock table only ${tableOf(table)} in access exclusive mode`),
    ...statementEvents.map(({ event }) =>
      compile(sql`drop trigger if exists ${sql.id(nameOf(event, lakeId))} on ${tableOf(table)}`),
    ),
  ]
}

/** The tables that have triggers of the lake; one that was replaced keeps its own. */
export function tablesWithTriggers(lakeId: string) {
  return compile(sql<{ schema: string; name: string }>`
    select distinct n.nspname::text as schema, c.relname::text as name
    from pg_trigger g
    join pg_class c on c.oid = g.tgrelid
    join pg_namespace n on n.oid = c.relnamespace
    where g.tgname::text in (${namesOf(lakeId)})`)
}

/** Whether all of them are there and enabled: they are lost with a table that was replaced. */
export function hasTriggers({ table, lakeId }: Pick<LakeTriggers, 'table' | 'lakeId'>) {
  return compile(sql<{ complete: boolean }>`
    select count(*) = ${sql.lit(statementEvents.length)} as complete
    from pg_trigger g
    where g.tgrelid = ${relationNamed(sql`${qualified(table)}::text`)}::oid
      and g.tgname::text in (${namesOf(lakeId)})
      and g.tgenabled in ('O', 'A')`)
}

const namesOf = (lakeId: string) =>
  sql.join(statementEvents.map(({ event }) => sql`${nameOf(event, lakeId)}::text`))

const nameOf = (event: string, lakeId: string) => `etl_lake_${event}_${lakeId}`
