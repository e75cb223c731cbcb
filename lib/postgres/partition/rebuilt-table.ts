import { sql } from 'kysely'

import type { TableName } from '../driver/search-path.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** The column by which a table is partitioned. */
export const partitionTime = 'conversation_created_at'

/** What a table is made of that has to be the same once it was rebuilt. */
export interface RebuiltTable extends TableName {
  readonly oid: string
  /** `months` where it is partitioned by ranges of `conversation_created_at`; `other` for what is neither. */
  readonly kind: 'plain' | 'months' | 'other'
  /** Undefined without a primary key. */
  readonly key: TableKey | undefined
  readonly columns: TableColumns
  readonly indexes: readonly TableIndex[]
  readonly place: TablePlace
}

export interface TableKey {
  /** Name of the constraint. */
  readonly name: string
  readonly oid: string
  readonly columns: readonly string[]
  /** Type of the first of them. */
  readonly type: string
}

export interface TableColumns {
  /** Those that take a value, in order. */
  readonly stored: readonly string[]
  /** Type of the time; null where there is no such column. */
  readonly timeType: string | null
  /** The time cannot be NULL. */
  readonly isTimeRequired: boolean
  /** There is a column `conversation_date` of the type date. */
  readonly hasDate: boolean
}

export interface TableIndex {
  readonly oid: string
  readonly name: string
  readonly isUnique: boolean
  /** What follows the name of the table in its definition; null where that is not as expected. */
  readonly definition: string | null
  readonly comment: string | null
}

/** A right on the table, or on one of its columns. */
export interface Grant {
  readonly right: string
  readonly column: string | null
  /** Null for everybody. */
  readonly role: string | null
  readonly canGrant: boolean
}

export interface TablePlace {
  readonly owner: string
  readonly grants: readonly Grant[]
  readonly comment: string | null
  /** Where its rows are; null for the default. */
  readonly tablespace: string | null
  /** Of a partitioned table the default partition, else the table itself: it has the settings of its storage. */
  readonly stored: TableName
}

/** Undefined where there is no such table. */
export async function readRebuiltTable(
  target: Session,
  { schema, name }: TableName,
): Promise<RebuiltTable | undefined> {
  const [row] = await target.rows(
    compile(sql<{ facts: string }>`
      select
        json_build_object(
          'schema', n.nspname,
          'name', c.relname,
          'oid', c.oid::text,
          'kind', ${kindOf},
          'key', ${keyOf},
          'columns', ${columnsOf},
          'indexes', ${indexesOf},
          'place', ${placeOf}
        )::text as facts
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      left join pg_partitioned_table p on p.partrelid = c.oid
      where c.oid = to_regclass(format('%I.%I', ${schema}::text, ${name}::text))`),
  )
  if (!row) return undefined
  const { key, ...facts } = JSON.parse(row.facts) as RebuiltTable & { readonly key: TableKey | null }
  return { ...facts, key: key ?? undefined }
}

const kindOf = sql`
            case
              when c.relkind = 'r' then 'plain'
              when c.relkind = 'p' and p.partstrat = 'r' and p.partnatts = 1 and exists (
                select 1
                from pg_attribute a
                where a.attrelid = c.oid and a.attnum = p.partattrs[0] and a.attname = ${sql.lit(partitionTime)}
              ) then 'months'
              else 'other'
            end`

const keyOf = sql`(
            select json_build_object(
              'name', k.conname,
              'oid', k.oid::text,
              'columns', (
                select json_agg(a.attname order by u.place)
                from unnest(k.conkey) with ordinality u (number, place)
                join pg_attribute a on a.attrelid = c.oid and a.attnum = u.number
              ),
              'type', (
                select format_type(a.atttypid, -1)
                from pg_attribute a
                where a.attrelid = c.oid and a.attnum = k.conkey[1]
              )
            )
            from pg_constraint k
            where k.conrelid = c.oid and k.contype = 'p'
          )`

const columnsOf = sql`(
            select json_build_object(
              'stored', json_agg(a.attname order by a.attnum) filter (where a.attgenerated = ''),
              'timeType', max(format_type(a.atttypid, -1)) filter (where a.attname = ${sql.lit(partitionTime)}),
              'isTimeRequired', coalesce(bool_or(a.attnotnull) filter (where a.attname = ${sql.lit(partitionTime)}), false),
              'hasDate', coalesce(bool_or(a.attname = 'conversation_date' and a.atttypid = 'date'::regtype), false)
            )
            from pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          )`

/** All but the one of the key. The definition names index and table in a way that is known; what follows can be said of another table. */
const indexesOf = sql`(
            select coalesce(
              json_agg(
                json_build_object(
                  'oid', x.oid::text,
                  'name', x.relname,
                  'isUnique', i.indisunique,
                  'definition', case
                    when starts_with(said.definition, said.beginning)
                    then substr(said.definition, length(said.beginning) + 1)
                  end,
                  'comment', obj_description(x.oid, 'pg_class')
                )
                order by x.oid
              ),
              '[]'::json
            )
            from pg_index i
            join pg_class x on x.oid = i.indexrelid
            cross join lateral (
              select
                pg_get_indexdef(x.oid) as definition,
                format(
                  'CREATE %sINDEX %I ON %s%I.%I ',
                  case when i.indisunique then 'UNIQUE ' else '' end,
                  x.relname,
                  case when c.relkind = 'p' then 'ONLY ' else '' end,
                  n.nspname,
                  c.relname
                ) as beginning
            ) said
            where i.indrelid = c.oid and not i.indisprimary
          )`

/** Those of the owner are listed where any right was ever granted or revoked; without a list it has all of them. */
const grantsOf = sql`(
            select coalesce(json_agg(granted.one), '[]'::json)
            from (
              select json_build_object(
                'right', g.privilege_type,
                'column', null,
                'role', case when g.grantee <> 0 then pg_get_userbyid(g.grantee) end,
                'canGrant', g.is_grantable
              ) as one
              from aclexplode(c.relacl) g
              union all
              select json_build_object(
                'right', g.privilege_type,
                'column', a.attname,
                'role', case when g.grantee <> 0 then pg_get_userbyid(g.grantee) end,
                'canGrant', g.is_grantable
              )
              from pg_attribute a
              cross join aclexplode(a.attacl) g
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            ) granted
          )`

const placeOf = sql`(
            select json_build_object(
              'owner', pg_get_userbyid(c.relowner),
              'grants', ${grantsOf},
              'comment', obj_description(c.oid, 'pg_class'),
              'tablespace', (
                select t.spcname
                from pg_tablespace t
                where t.oid = s.reltablespace
              ),
              'stored', json_build_object('schema', m.nspname, 'name', s.relname)
            )
            from pg_class s
            join pg_namespace m on m.oid = s.relnamespace
            where s.oid = coalesce(nullif(p.partdefid, 0), c.oid)
          )`
