import { sql } from 'kysely'

import { rowColumns } from '../../chatwoot/columns.js'
import { identifier } from '../../postgres/driver/identifier.js'
import { describeTarget, type Relation } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { critical, ok, warning, type Check } from './check.js'

/** Whether the table can take the rows: it exists, has the columns and the unique key, and the role may write. `key` is that of a relation of the caller's own. */
export async function checkTable(target: Session, name: string, key: string | undefined): Promise<Check[]> {
  const table = await describeTarget(target, name)
  const checks = [...(await checkWriting(target, name)), ...checkColumns(table, key), ...checkKey(table, key)]
  return checks.length > 0 ? checks : [ok('target-table', `The table ${name} can take the rows.`)]
}

/** Rows are staged in a temporary table. */
async function checkWriting(target: Session, name: string): Promise<Check[]> {
  const rights = {
    [name]: 'select, insert, update',
    etl_control: 'select, insert, update',
    etl_rejects: 'select, insert, update, delete',
    etl_forgotten: 'select',
  }
  const [row] = await target.rows(
    compile(sql`
      select
        quote_ident(current_user)::text,
        quote_ident(current_database())::text,
        has_database_privilege(current_database(), 'temporary')::text,
        (
          select coalesce(json_object_agg(wanted.name, wanted.rights), '{}'::json)
          from json_each_text(${JSON.stringify(rights)}::json) wanted (name, rights)
          where to_regclass(wanted.name) is not null
            and exists (
              select
              from unnest(string_to_array(wanted.rights, ', ')) needed
              where not has_table_privilege(to_regclass(wanted.name), needed)
            )
        )::text`),
  )
  const [role = '', database = '', temporary, lacking] = row ?? []
  const missing: Record<string, string> = JSON.parse(lacking ?? '{}')
  const tables = Object.keys(missing)
  const grants = [
    ...tables.map((table) => `grant ${missing[table] ?? ''} on ${table} to ${role ?? ''};`),
    ...(temporary === 'true' ? [] : [`grant temporary on database ${database ?? ''} to ${role ?? ''};`]),
  ]
  if (grants.length === 0) return []
  const refused = [
    ...(tables.length > 0 ? [`read and write ${tables.join(', ')}`] : []),
    ...(temporary === 'true' ? [] : ['create temporary tables']),
  ]
  const message = `The role ${role ?? ''} may not ${refused.join(' or ')}.`
  return [critical('target-rights', message, `Let the owner run: ${grants.join(' ')}`)]
}

/** Whether a run may remove what is older than `keepHistory`. Where it may not, it works all the same. */
export async function checkHistory(target: Session): Promise<Check[]> {
  const [row] = await target.rows(
    compile(sql`
      select
        quote_ident(current_user)::text,
        array_to_string(
          array(
            select wanted
            from unnest('{etl_control,etl_verification,etl_alerts}'::text[]) wanted
            where to_regclass(wanted) is not null
              and not has_table_privilege(to_regclass(wanted), 'delete')
          ),
          ', '
        )`),
  )
  const [role = '', tables] = row ?? []
  if (!tables) return []
  const message = `The role ${role ?? ''} may not delete from ${tables}, so history is never removed.`
  const grant = `grant delete on ${tables} to ${role ?? ''};`
  return [warning('target-history', message, `Let the owner run: ${grant}`)]
}

/** Of a relation of the caller's own, the columns are compared with those of the relation instead. */
function checkColumns(table: Relation, key: string | undefined): Check[] {
  if (key !== undefined) return []
  const present = new Set([...table.columns.map(({ name }) => name), ...table.forbidden])
  const missing = rowColumns.filter((column) => !present.has(column))
  if (missing.length === 0) return []
  const message = `The table ${table.name} lacks ${missing.join(', ')}.`
  return [critical('target-columns', message, 'Run chatwoot-sync migrate, or add what is missing.')]
}

function checkKey(table: Relation, key = 'conversation_id'): Check[] {
  if (table.uniqueColumns.includes(key)) return []
  const message = `The table ${table.name} has no unique index on ${key} alone.`
  const index = `create unique index on ${identifier(table.schema, table.name)} (${identifier(key)});`
  return [critical('target-key', message, `Create it: ${index}`)]
}
