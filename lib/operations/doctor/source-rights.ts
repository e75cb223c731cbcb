import { sql } from 'kysely'

import { isOfKind, readColumns } from '../../chatwoot/source-columns.js'
import { lookUpChatwoot, toChatwootColumns, type ChatwootColumn } from '../../chatwoot/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { critical, ok, warning, type Check } from './check.js'

/** Whether the role may read each column of Chatwoot that is read; what is missing comes with the statements that grant it. */
export async function checkRights(source: Session): Promise<Check[]> {
  const closed = await closedSchemas(source)
  if (closed) return [closed]
  const wanted = toChatwootColumns(await source.rows(compile(lookUpChatwoot)))
  const role = wanted[0]?.role ?? ''
  const absent = wanted.filter(({ state, optional }) => state === 'absent' && !optional)
  if (absent.length > 0) return [notChatwoot(absent)]
  const forbidden = wanted.filter(({ state }) => state === 'forbidden')
  const tables = Object.keys(readColumns).length
  return [
    forbidden.length > 0
      ? mayNotRead(role, wanted)
      : ok('source-rights', `The role ${role} may read all ${tables} tables that are needed.`),
    release(wanted),
    ...strange(wanted),
  ]
}

function strange(wanted: readonly ChatwootColumn[]): Check[] {
  const found = wanted.filter(({ state, kind, type }) => state !== 'absent' && !isOfKind(kind, type))
  if (found.length === 0) return []
  const told = found.map(({ table, column, type }) => `${table}.${column} is ${type}`).join(', ')
  const message = `The source has columns of a type that is not known: ${told}.`
  return [critical('source-types', message, 'Use a chatwoot-sync that knows this release of Chatwoot.')]
}

/** Tables in a schema that the role may not use look as if they did not exist. */
async function closedSchemas(source: Session): Promise<Check | undefined> {
  const rows = await source.rows(
    compile(sql`
      select distinct quote_ident(n.nspname)::text, quote_ident(current_user)::text
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      where c.relname = 'conversations'
        and c.relkind in ('r', 'p', 'v', 'f')
        and not has_schema_privilege(n.oid, 'usage')
        and to_regclass('conversations') is null`),
  )
  const [schema, role = ''] = rows[0] ?? []
  if (!schema) return undefined
  const grant = `grant usage on schema ${schema} to ${role};`
  return critical(
    'source-rights',
    `The role ${role} may not use the schema ${schema}.`,
    `Let its owner run: ${grant}`,
  )
}

function notChatwoot(absent: readonly ChatwootColumn[]): Check {
  const names = absent.map(({ table, column }) => `${table}.${column}`)
  const more = names.length > 6 ? ` and ${names.length - 6} more` : ''
  return critical(
    'source-rights',
    `The source lacks what every Chatwoot has: ${names.slice(0, 6).join(', ')}${more}.`,
    'Connect to the database of Chatwoot, with its schema in the search_path of the role.',
  )
}

/** Of `users` only the columns that are read, because the others are secrets; of other tables the whole. */
function mayNotRead(role: string, wanted: readonly ChatwootColumn[]): Check {
  const forbidden = wanted.filter(({ state }) => state === 'forbidden')
  const tables = [...new Set(forbidden.map(({ table }) => table))]
  const whole = tables.filter((table) => table !== 'users')
  const grants = [
    ...(whole.length > 0 ? [`grant select on ${whole.join(', ')} to ${role};`] : []),
    ...(tables.includes('users')
      ? [`grant select (${Object.keys(readColumns.users).join(', ')}) on users to ${role};`]
      : []),
  ]
  const names = tables.map((table) => {
    const of = (some: readonly ChatwootColumn[]) =>
      some.filter((each) => each.table === table && each.state !== 'absent')
    const columns = of(forbidden).map(({ column }) => column)
    return columns.length === of(wanted).length ? table : `${table} (${columns.join(', ')})`
  })
  return critical(
    'source-rights',
    `The role ${role} may not read ${names.join(', ')}.`,
    `Let the owner of the tables run: ${grants.join(' ')}`,
  )
}

function release(wanted: readonly ChatwootColumn[]): Check {
  const absent = wanted
    .filter(({ state }) => state === 'absent')
    .map(({ table, column }) => `${table}.${column}`)
  if (absent.length === 0) return ok('source-release', 'This Chatwoot has every column that is of use.')
  return ok('source-release', `This Chatwoot has no ${absent.join(', ')}; what comes of it stays NULL.`)
}

/** Whether the role could write, which reading does not need. */
export async function checkReadOnly(source: Session, relation: string | undefined): Promise<Check[]> {
  const name = 'source-read-only'
  const [row] = await source.rows(
    compile(sql`
      select
        quote_ident(current_user)::text,
        (select rolsuper from pg_roles where rolname = current_user)::text,
        (
          select coalesce(bool_or(has_table_privilege(c.oid, 'insert, update, delete, truncate')), false)
          from json_array_elements_text(${JSON.stringify(relation ? [relation] : Object.keys(readColumns))}::json) wanted
          join pg_class c on c.oid = to_regclass(wanted)
        )::text`),
  )
  const [role, superuser, writes] = row ?? []
  if (superuser !== 'true' && writes !== 'true') return [ok(name, `The role ${role ?? ''} can only read.`)]
  const power = superuser === 'true' ? 'is a superuser' : 'may write'
  const message = `The role ${role ?? ''} ${power}. Nothing is ever written to the source, but a leaked password could be used to.`
  return [warning(name, message, 'Use a role that has nothing but SELECT; the README has the statements.')]
}
