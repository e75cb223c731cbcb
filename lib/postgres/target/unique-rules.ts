import { sql, type RawBuilder } from 'kysely'

import { tableOf, type Column } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { isBuiltIn, isPoint, lengthOf } from '../driver/types/column-type.js'
import { equalityOperator } from '../driver/writing-rules.js'
import { stageName, type LoadPlan } from './load-plan.js'

/** A unique index or an exclusion constraint of the table, other than the unique index on the key: which rows it keeps apart. */
export interface UniqueRule {
  /** Name of the constraint, or of the index. */
  readonly name: string
  /** SQLSTATE of a row that breaks it. */
  readonly sqlState: string
  /** What is compared: expressions over the columns of the table, which they name without the table. */
  readonly parts: readonly RulePart[]
  /** For which rows it holds; null for all. */
  readonly predicate: string | null
  /** NULL is a value like any other. */
  readonly isNullEqual: boolean
  /** Columns of the table on which it depends; those that are a part of it by themselves come first. */
  readonly columns: readonly string[]
  /** Rows of the table may be removed: by its rights, and because no other table refers to it. */
  readonly canRemove: boolean
}

export interface RulePart {
  readonly expression: string
  /** With its schema. */
  readonly operator: string
  readonly collation: string | null
}

/** The rules over columns that the role may read; of use only once one of them was broken. */
export async function readUniqueRules(target: Session, { table, key }: LoadPlan): Promise<UniqueRule[]> {
  const { schema, name } = table
  const rows = await target.rows(
    compile(sql<RuleRow>`
      select
        coalesce(k.conname, x.relname)::text as name,
        case when i.indisexclusion then '23P01' else '23505' end as sql_state,
        pg_get_expr(i.indpred, i.indrelid) as predicate,
        coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) as is_null_equal,
        ${partsOfIndex}::text as parts,
        ${columnsOfIndex}::text as columns,
        has_table_privilege(i.indrelid, 'delete') and not exists (
          select 1
          from pg_constraint f
          where f.contype = 'f' and f.confrelid = i.indrelid
        ) as can_remove
      from pg_index i
      join pg_class x on x.oid = i.indexrelid
      left join pg_constraint k on k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
      where i.indrelid = format('%I.%I', ${schema}::text, ${name}::text)::regclass
        and (i.indisunique or i.indisexclusion)
        and i.indislive
        and not (
          i.indnkeyatts = 1
          and i.indpred is null
          and exists (
            select 1
            from pg_attribute a
            where a.attrelid = i.indrelid and a.attnum = i.indkey[0] and a.attname = ${key}::name
          )
        )
      order by i.indexrelid`),
  )
  const readable = new Set(table.columns.map((column) => column.name))
  const rules = rows.map((row) => ({
    name: row.name,
    sqlState: row.sql_state,
    predicate: row.predicate,
    isNullEqual: row.is_null_equal,
    parts: JSON.parse(row.parts),
    columns: JSON.parse(row.columns),
    canRemove: row.can_remove,
  }))
  return rules.filter(({ columns }: UniqueRule) => columns.every((column) => readable.has(column)))
}

interface RuleRow {
  readonly name: string
  readonly sql_state: string
  readonly predicate: string | null
  readonly is_null_equal: boolean
  readonly parts: string
  readonly columns: string
  readonly can_remove: boolean
}

/** An exclusion constraint names its operators, a unique index has that of its operator class. */
const partsOfIndex = sql`(
          select json_agg(
            json_build_object(
              'expression', pg_get_indexdef(i.indexrelid, place.at, false),
              'operator', format('operator(%I.%s)', s.nspname, o.oprname),
              'collation', quote_ident(m.nspname) || '.' || quote_ident(l.collname)
            )
            order by place.at
          )
          from generate_series(1, i.indnkeyatts::integer) place (at)
          join pg_opclass p on p.oid = i.indclass[place.at - 1]
          join pg_operator o on o.oid = coalesce(
            k.conexclop[place.at],
            ${equalityOperator}
          )
          join pg_namespace s on s.oid = o.oprnamespace
          left join pg_collation l on l.oid = i.indcollation[place.at - 1]
          left join pg_namespace m on m.oid = l.collnamespace
        )`

const columnsOfIndex = sql`(
          select json_agg(a.attname order by a.attnum = any(i.indkey) desc, a.attnum)
          from pg_attribute a
          where a.attrelid = i.indrelid
            and a.attnum > 0
            and (
              a.attnum = any(i.indkey)
              or exists (
                select 1
                from pg_depend d
                where d.classid = 'pg_class'::regclass
                  and d.objid = i.indexrelid
                  and d.refclassid = 'pg_class'::regclass
                  and d.refobjid = i.indrelid
                  and d.refobjsubid = a.attnum
              )
            )
        )`

/** Another value of one column, under which a row is in nobody's way. */
export interface Detour {
  readonly column: string
  /** NULL, which can also stay; another one only until the row gets its own value, in the same transaction. */
  readonly isNull: boolean
  /** The value, over the number `p.place` of the row among those that step aside, and over its key `p.key`. */
  readonly value: RawBuilder<unknown>
}

/** How a row can step aside from a rule; undefined where its columns offer no way. */
export function detourOf(rule: UniqueRule, plan: LoadPlan): Detour | undefined {
  const { table, columns, key } = plan
  const own = rule.columns.flatMap((name) => columns.find((each) => each.name === name && name !== key) ?? [])
  const nullable = own.find(({ name }) => !rule.isNullEqual && !table.required.includes(name))
  if (nullable) return { column: nullable.name, isNull: true, value: sql`null` }
  for (const each of own) {
    const value = unusedValue(plan, each)
    if (value) return { column: each.name, isNull: false, value }
  }
  return undefined
}

const largest: Readonly<Record<string, string>> = {
  smallint: '32767',
  integer: '2147483647',
  bigint: '9223372036854775807',
}

/** Above every value of the table and of the stage, or below where there is no room; of a text a hash. */
function unusedValue({ table }: LoadPlan, { name, definition }: Column): RawBuilder<unknown> | undefined {
  const column = sql.id(name)
  const { kind, bare } = definition
  if (!isBuiltIn(definition)) return undefined
  const both = sql`(
      select t.${column} as value from ${tableOf(table)} t
      union all
      select s.${column} from ${sql.id(stageName)} s
    )`
  const limit = largest[kind]
  if (limit !== undefined || kind === 'numeric') {
    const above = sql`(select coalesce(max(b.value), 0)::numeric from ${both} b) + p.place`
    const below = sql`(select coalesce(min(b.value), 0)::numeric from ${both} b) - p.place`
    const next = limit ? sql`case when ${above} <= ${sql.raw(limit)} then ${above} else ${below} end` : above
    return sql`(${next})::${sql.raw(bare)}`
  }
  if (isPoint(kind)) {
    return sql`((select max(b.value) from ${both} b) + p.place * interval '1 day')::${sql.raw(bare)}`
  }
  const hash = sql`md5('chatwoot_sync ' || p.key::text)`
  if (kind === 'uuid') return sql`${hash}::uuid`
  if (kind !== 'text' && kind !== 'varchar') return undefined
  const length = lengthOf(definition)
  return length === undefined ? hash : sql`left(${hash}, ${sql.lit(length)})`
}
