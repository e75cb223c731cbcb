import {
  chatwootColumnsQuery,
  connectToChatwoot,
  isOfKind,
  isTooOld,
  oldestRelease,
  readColumns,
  unknownTypes,
  upgradeChatwoot,
  type ChatwootColumn,
} from '../../chatwoot/catalog.js'
import { relationNamed } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { compile } from '../../postgres/driver/statement.js'
import { findClosedSchema, readWriteRights } from '../../postgres/source/rights.js'
import { critical, ok, warning, type Check } from './check.js'

const name = 'source-rights'

/** Whether the role may read each column of Chatwoot that runs read; the remedy holds the grants that are missing. */
export async function checkRights(source: Session): Promise<Check[]> {
  const closed = await findClosedSchema(source, 'conversations')
  if (closed) {
    const { schema, role } = closed
    const grant = `grant usage on schema ${schema} to ${role};`
    const message = `The role ${role} may not use the schema ${schema}.`
    return [critical(name, message, `Have its owner run: ${grant}`)]
  }
  const columns = await source.rows(compile(chatwootColumnsQuery(relationNamed)))
  const absent = columns.filter(({ state, optional }) => state === 'absent' && !optional)
  if (isTooOld(columns)) return [tooOld(absent)]
  if (absent.length > 0) return [notChatwoot(absent)]
  return [checkGrants(columns), checkOptional(columns), ...checkTypes(columns)]
}

function notChatwoot(absent: readonly ChatwootColumn[]): Check {
  const names = absent.map(nameOf)
  const more = names.length > 6 ? ` and ${names.length - 6} more` : ''
  return critical(
    name,
    `The source lacks columns that every Chatwoot has: ${names.slice(0, 6).join(', ')}${more}.`,
    connectToChatwoot,
  )
}

function tooOld(absent: readonly ChatwootColumn[]): Check {
  const tables = [...new Set(absent.map(({ table }) => table))].join(', ')
  const message = `This Chatwoot is older than ${oldestRelease}: it lacks what runs read of ${tables}.`
  return critical('source-release', message, upgradeChatwoot)
}

/** Of `users` only the columns that are read are granted, because the others are secrets; of other tables all. */
function checkGrants(columns: readonly ChatwootColumn[]): Check {
  const role = columns[0]?.role ?? ''
  const forbidden = columns.filter(({ state }) => state === 'forbidden')
  const tables = [...new Set(forbidden.map(({ table }) => table))]
  if (tables.length === 0)
    return ok(name, `The role ${role} may read all ${Object.keys(readColumns).length} tables that runs read.`)
  const whole = tables.filter((table) => table !== 'users')
  const grants = [
    ...(whole.length > 0 ? [`grant select on ${whole.join(', ')} to ${role};`] : []),
    ...(tables.includes('users')
      ? [`grant select (${Object.keys(readColumns.users).join(', ')}) on users to ${role};`]
      : []),
  ]
  const names = tables.map((table) => {
    const present = columns.filter((each) => each.table === table && each.state !== 'absent')
    const denied = present.filter(({ state }) => state === 'forbidden').map(({ column }) => column)
    return denied.length === present.length ? table : `${table} (${denied.join(', ')})`
  })
  return critical(
    name,
    `The role ${role} may not read ${names.join(', ')}.`,
    `Have the owner of the tables run: ${grants.join(' ')}`,
  )
}

/** Whether this release of Chatwoot has the columns that some releases lack. */
function checkOptional(columns: readonly ChatwootColumn[]): Check {
  const absent = columns.filter(({ state }) => state === 'absent').map(nameOf)
  if (absent.length === 0) return ok('source-release', 'This Chatwoot has every column that runs can use.')
  const message = `This Chatwoot has no ${absent.join(', ')}; the columns of the table that come from there stay NULL.`
  return ok('source-release', message)
}

function checkTypes(columns: readonly ChatwootColumn[]): Check[] {
  const unknown = columns.filter(({ state, kind, type }) => state !== 'absent' && !isOfKind(kind, type))
  if (unknown.length === 0) return []
  const list = unknown.map((column) => `${nameOf(column)} is ${column.type}`).join(', ')
  const message = `The source has columns of an unexpected type: ${list}.`
  return [critical('source-types', message, unknownTypes)]
}

const nameOf = ({ table, column }: ChatwootColumn) => `${table}.${column}`

/** Whether the role could write, which no run needs. `relation` is the name of a custom relation, read in place of Chatwoot's tables. */
export async function checkReadOnly(source: Session, relation: string | undefined): Promise<Check[]> {
  const relations = relation === undefined ? Object.keys(readColumns) : [relation]
  const { role, isSuperuser, canWrite } = await readWriteRights(source, relations)
  if (!isSuperuser && !canWrite) return [ok('source-read-only', `The role ${role} can only read.`)]
  const power = isSuperuser ? 'is a superuser' : 'may write'
  return [
    warning(
      'source-read-only',
      `The role ${role} ${power}. chatwoot-sync never writes to the source, but whoever obtains the password could.`,
      'Use a role with nothing but SELECT; the README has the statements.',
    ),
  ]
}
