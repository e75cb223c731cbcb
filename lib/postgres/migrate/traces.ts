import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type pg from 'pg'

import type { Folder } from './files.js'

/** What a migration leaves behind in the catalog. */
export interface Trace {
  readonly version: string
  /** Empty for one that only changes what others have made. */
  readonly made: readonly Made[]
}

/** A table, view, index or function, or a column of a table. */
interface Made {
  readonly kind: 'relation' | 'function' | 'column'
  /** Of a column, the name of its table. */
  readonly name: string
  readonly column: string | null
}

/** What each migration has made, without what a later one of them drops again. */
export async function traceOf({ directory, migrations }: Folder): Promise<readonly Trace[]> {
  const texts = await Promise.all(
    migrations.map(({ name }) => readFile(join(directory, `${name}.sql`), 'utf8')),
  )
  const steps = texts.map(statementsOf)
  return migrations.map(({ version }, at) => {
    const dropped = new Set(steps.slice(at + 1).flatMap((later) => later.flatMap(droppedBy)))
    return { version, made: (steps[at] ?? []).flatMap(madeBy).filter((made) => !dropped.has(keyOf(made))) }
  })
}

const keyOf = ({ name, column }: Made) => (column === null ? name : `${name}.${column}`)

/** The statements of the way up, without comments and without what blocks and functions have in them. */
function statementsOf(text: string): string[] {
  const [, up = ''] = text.split(/^-- migrate:up.*$/m)
  const [way = ''] = up.split(/^-- migrate:down.*$/m)
  return way
    .replaceAll(/^\s*--.*$/gm, '')
    .replaceAll(/\$(\w*)\$[\s\S]*?\$\1\$/g, '')
    .split(';')
    .map((statement) => statement.trim().toLowerCase())
}

function madeBy(statement: string): Made[] {
  const [, name] =
    /^create (?:or replace |unique |materialized )*(?:table|view|index) (?:concurrently )?(?:if not exists )?(\w+)/.exec(
      statement,
    ) ?? []
  if (name) return [{ kind: 'relation', name, column: null }]
  const [, own] = /^create (?:or replace )?function (\w+)/.exec(statement) ?? []
  if (own) return [{ kind: 'function', name: own, column: null }]
  const table = /^alter table (?:if exists )?(?:only )?(\w+)/.exec(statement)?.[1]
  if (table === undefined) return []
  return [...statement.matchAll(/\badd column (?:if not exists )?(\w+)/g)].flatMap(([, column]) =>
    column === undefined ? [] : [{ kind: 'column', name: table, column }],
  )
}

/** What has another name from then on counts as dropped. */
function droppedBy(statement: string): string[] {
  const renamed = /^alter (?:table|view|index|function) (?:if exists )?(\w+)\b.* rename to /s.exec(
    statement,
  )?.[1]
  if (renamed) return [renamed]
  const name =
    /^drop (?:materialized )?(?:table|view|index|function) (?:concurrently )?(?:if exists )?(\w+)/.exec(
      statement,
    )?.[1]
  if (name) return [name]
  const table = /^alter table (?:if exists )?(?:only )?(\w+)/.exec(statement)?.[1]
  return [...statement.matchAll(/\bdrop column (?:if exists )?(\w+)/g)].map(
    ([, column]) => `${table ?? ''}.${column ?? ''}`,
  )
}

/** Whether the schema has all that a migration has made. */
export async function isThere(
  client: pg.Client,
  schema: string,
  traces: readonly Trace[],
): Promise<(trace: Trace) => boolean> {
  const wanted = traces.flatMap(({ made }) => made)
  const { rows } = await client.query<{ key: string }>(
    `select pg_catalog.concat_ws('.', wanted.name, wanted."column") as key
     from pg_catalog.json_to_recordset($2::json) wanted (kind text, name text, "column" text)
     join pg_catalog.pg_namespace n on n.nspname = $1::text
     left join pg_catalog.pg_class c
       on c.relnamespace = n.oid and c.relname = wanted.name and wanted.kind <> 'function'
     left join pg_catalog.pg_attribute a
       on a.attrelid = c.oid and a.attname = wanted."column" and not a.attisdropped
     where case wanted.kind
         when 'relation' then c.oid is not null
         when 'column' then a.attrelid is not null
         else exists (select 1 from pg_catalog.pg_proc p where p.pronamespace = n.oid and p.proname = wanted.name)
       end`,
    [schema, JSON.stringify(wanted)],
  )
  const present = new Set(rows.map(({ key }) => key))
  return ({ made }) => made.every((one) => present.has(keyOf(one)))
}
