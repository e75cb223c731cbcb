import {
  chatwootColumnsQuery,
  connectToChatwoot,
  isTooOld,
  oldestRelease,
  unknownTypes,
  upgradeChatwoot,
  type ChatwootColumn,
} from '../../chatwoot/catalog.js'
import { extraTables, readColumns } from '../../chatwoot/tables.js'
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
  const absent = columns.filter(({ state, need }) => state === 'absent' && need === 'required')
  if (isTooOld(columns)) return [tooOld(absent)]
  if (absent.length > 0) return [notChatwoot(absent)]
  const [extra, needed] = [columns.filter(isExtra), columns.filter((each) => !isExtra(each))]
  const more = extra.filter(({ table }) => !isGrantedWhole(table, needed))
  return [checkGrants(needed), ...checkExtraGrants(more), checkOptional(columns), ...checkTypes(columns)]
}

/** The grants of what is needed are of the table, so that nothing more of it is to be granted. */
function isGrantedWhole(table: string, needed: readonly ChatwootColumn[]): boolean {
  return table !== 'users' && needed.some((each) => each.table === table && each.state === 'forbidden')
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

/** Tables of which only the columns that are read are granted, because others hold secrets. */
const withSecrets: readonly string[] = ['agent_bots', 'integrations_hooks']

function checkGrants(columns: readonly ChatwootColumn[]): Check {
  const role = columns[0]?.role ?? ''
  const forbidden = columns.filter(({ state }) => state === 'forbidden')
  if (forbidden.length === 0)
    return ok(name, `The role ${role} may read all ${Object.keys(readColumns).length} tables that runs read.`)
  return critical(
    name,
    `The role ${role} may not read ${forbiddenNames(columns)}.`,
    `Have the owner of the tables run: ${grantsOf(forbidden)}`,
  )
}

/** Grants without which a run works, and some columns stay NULL. */
function checkExtraGrants(columns: readonly ChatwootColumn[]): Check[] {
  const role = columns[0]?.role ?? ''
  const forbidden = columns.filter(({ state }) => state === 'forbidden')
  if (forbidden.length === 0) return []
  const message = `The role ${role} may not read ${forbiddenNames(columns)}; the columns of the table that come from there stay NULL.`
  const remedy = `To get them, in one run that reads everything, have the owner of the tables run: ${grantsOf(forbidden)}`
  return [warning('source-extra-rights', message, remedy)]
}

/** Of tables with secrets, and of single columns, those that are read; else the table. */
function grantsOf(forbidden: readonly ChatwootColumn[]): string {
  const role = forbidden[0]?.role ?? ''
  const tables = [...new Set(forbidden.map(({ table }) => table))]
  const listed = new Map(tables.map((table) => [table, listOf(table, forbidden)]))
  const whole = tables.filter((table) => listed.get(table) === undefined)
  const lists = tables.flatMap((table) => {
    const columns = listed.get(table)
    return columns ? [`grant select (${columns.join(', ')}) on ${table} to ${role};`] : []
  })
  return [...(whole.length > 0 ? [`grant select on ${whole.join(', ')} to ${role};`] : []), ...lists].join(
    ' ',
  )
}

function listOf(table: string, forbidden: readonly ChatwootColumn[]): readonly string[] | undefined {
  const own = forbidden.filter((each) => each.table === table)
  if (own.some((each) => !isExtra(each))) {
    return table === 'users' ? Object.keys(readColumns.users) : undefined
  }
  const isWhole = table in extraTables && !withSecrets.includes(table)
  return isWhole ? undefined : own.map(({ column }) => column)
}

function forbiddenNames(columns: readonly ChatwootColumn[]): string {
  const tables = columns.filter(({ state }) => state === 'forbidden').map(({ table }) => table)
  const names = [...new Set(tables)].map((table) => {
    const present = columns.filter((each) => each.table === table && each.state !== 'absent')
    const denied = present.filter(({ state }) => state === 'forbidden').map(({ column }) => column)
    return denied.length === present.length && !(table in readColumns && columns.some(isExtra))
      ? table
      : `${table} (${denied.join(', ')})`
  })
  return names.join(', ')
}

/** Whether this release of Chatwoot has the columns that some releases lack. */
function checkOptional(columns: readonly ChatwootColumn[]): Check {
  const isGone = (table: string) => columns.every((each) => each.table !== table || each.state === 'absent')
  const missing = columns.filter(({ state }) => state === 'absent')
  const absent = [...new Set(missing.map((each) => (isGone(each.table) ? each.table : nameOf(each))))]
  if (absent.length === 0) return ok('source-release', 'This Chatwoot has every column that runs can use.')
  const message = `This Chatwoot has no ${absent.join(', ')}; the columns of the table that come from there stay NULL.`
  return ok('source-release', message)
}

function checkTypes(columns: readonly ChatwootColumn[]): Check[] {
  const unknown = columns.filter((each) => each.state !== 'absent' && !each.isKnown)
  const list = (some: readonly ChatwootColumn[]) =>
    some.map((column) => `${nameOf(column)} is ${column.type}`).join(', ')
  const [extra, needed] = [unknown.filter(isExtra), unknown.filter((each) => !isExtra(each))]
  const unexpected = `The source has columns of an unexpected type: `
  return [
    ...(needed.length > 0 ? [critical('source-types', `${unexpected}${list(needed)}.`, unknownTypes)] : []),
    ...(extra.length > 0
      ? [warning('source-types', `${unexpected}${list(extra)}. They are not read.`, unknownTypes)]
      : []),
  ]
}

const isExtra = ({ need }: ChatwootColumn) => need === 'extra'

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
