import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'
import { lakeTrigger, logTrigger } from '../driver/writing-rules.js'
import { partitionTime, type RebuiltTable } from './rebuilt-table.js'

/**
 * What hangs on the table, or is a part of it, and would be lost or still mean the old table once another one has taken its place: one line
 * each. Views that read the table directly are not among them, but for those that another role owns.
 */
export async function findObstacles(
  target: Session,
  table: Pick<RebuiltTable, 'oid' | 'key'>,
): Promise<readonly string[]> {
  const rows = await target.rows(
    compile(sql<{ obstacle: string }>`
      with own as (
        select c.oid, c.reltype, c.relkind, c.oid = ${table.oid}::oid as is_whole
        from pg_class c
        where c.oid in (
          select ${table.oid}::oid
          union all
          select relid::oid
          from pg_partition_tree(${table.oid}::oid)
        )
      )
      select distinct obstacle
      from (
        ${dependents(table)}
        union all
        ${ofTable}
        union all
        ${ofConstraints}
        union all
        ${ofIndexes}
        union all
        ${ofRights}
        union all
        ${ofViews}
      ) found
      where obstacle is not null
      order by obstacle`),
  )
  return rows.map(({ obstacle }) => obstacle)
}

/** Whatever the catalog says depends on the table, its type or its key, but for what is rebuilt with it. */
const dependents = ({ key }: Pick<RebuiltTable, 'key'>) => sql`
        select pg_describe_object(d.classid, d.objid, 0) as obstacle
        from pg_depend d
        where (
            (d.refclassid = 'pg_class'::regclass and d.refobjid in (select oid from own))
            or (
              d.refclassid = 'pg_type'::regclass
              and d.refobjid in (
                select t.oid
                from pg_type t
                join own on t.oid = own.reltype or t.typelem = own.reltype
                where own.reltype <> 0
              )
            )
            or (d.refclassid = 'pg_constraint'::regclass and d.refobjid = ${key?.oid ?? '0'}::oid)
          )
          and not case d.classid
            when 'pg_attrdef'::regclass then exists (
              select 1
              from pg_attrdef f
              where f.oid = d.objid and f.adrelid in (select oid from own)
            )
            when 'pg_class'::regclass then exists (
              select 1
              from pg_class r
              where r.oid = d.objid
                and (r.relkind in ('i', 'I', 't') or r.oid in (select oid from own))
            )
            when 'pg_type'::regclass then d.deptype = 'i'
            when 'pg_constraint'::regclass then exists (
              select 1
              from pg_constraint k
              where k.oid = d.objid and k.conrelid in (select oid from own) and k.contype in ('c', 'p', 'n', 'u', 'x', 'f')
            )
            when 'pg_trigger'::regclass then exists (
              select 1
              from pg_trigger g
              join pg_proc f on f.oid = g.tgfoid
              where g.oid = d.objid
                and (g.tgisinternal or f.proname in (${sql.lit(lakeTrigger)}, ${sql.lit(logTrigger)}))
            )
            when 'pg_rewrite'::regclass then d.refclassid = 'pg_class'::regclass
              and d.refobjid = (select oid from own where is_whole)
              and exists (
                select 1
                from pg_rewrite w
                join pg_class v on v.oid = w.ev_class
                where w.oid = d.objid and v.relkind = 'v' and w.rulename = '_RETURN'
              )
            else false
          end`

const ofTable = sql`
        select said.obstacle
        from pg_class c
        join own on own.oid = c.oid
        cross join lateral (
          values
            (case when c.relpersistence <> 'p' then format('table %s is unlogged or temporary', c.oid::regclass) end),
            (
              case when c.relkind = 'r' then (
                select format('table %s has the access method %s', c.oid::regclass, m.amname)
                from pg_am m
                where m.oid = c.relam and m.amname <> 'heap'
              ) end
            ),
            (case when c.relkind not in ('r', 'p') then format('partition %s is not a table', c.oid::regclass) end),
            (case when c.relkind = 'p' and not own.is_whole then format('partition %s is partitioned itself', c.oid::regclass) end),
            (case when c.relrowsecurity or c.relforcerowsecurity then format('row security of table %s', c.oid::regclass) end),
            (case when c.relreplident <> 'd' then format('replica identity of table %s', c.oid::regclass) end),
            (case when c.reloftype <> 0 then format('table %s is of the type %s', c.oid::regclass, c.reloftype::regtype) end),
            (
              case when own.is_whole and exists (
                select 1
                from pg_inherits i
                where i.inhrelid = c.oid or (i.inhparent = c.oid and c.relkind = 'r')
              ) then format('parents or children of table %s', c.oid::regclass) end
            )
        ) said (obstacle)
        union all
        select format('identity of column %I', a.attname)
        from pg_attribute a
        join own on own.oid = a.attrelid and own.is_whole
        where a.attidentity <> '' and not a.attisdropped
        union all
        select format('security label of table %s', l.objoid::regclass)
        from pg_seclabel l
        join own on own.oid = l.objoid and l.classoid = 'pg_class'::regclass
        union all
        select format('publication %I', p.pubname)
        from pg_publication_tables p
        join pg_class c on c.relname = p.tablename
        join pg_namespace n on n.oid = c.relnamespace and n.nspname = p.schemaname
        join own on own.oid = c.oid
        union all
        select format('subscription of table %s', r.srrelid::regclass)
        from pg_subscription_rel r
        join own on own.oid = r.srrelid`

const ofConstraints = sql`
        select format('constraint %I of table %s', k.conname, k.conrelid::regclass)
        from pg_constraint k
        join own on own.oid = k.conrelid
        where (k.contype in ('f', 'u', 'x', 't') and k.conparentid = 0)
          or (k.contype = 'c' and (not k.convalidated or (k.connoinherit and own.is_whole)))
          or (k.contype = 'p' and k.condeferrable)`

const ofIndexes = sql`
        select format('index %s', i.indexrelid::regclass)
        from pg_index i
        join own on own.oid = i.indrelid
        join pg_class x on x.oid = i.indexrelid
        where (
            own.is_whole
            and (
              not i.indisvalid
              or i.indisclustered
              or i.indisreplident
              or i.indisexclusion
              or (i.indisprimary and i.indnatts <> i.indnkeyatts)
              or x.reltablespace <> 0
              or (
                i.indisunique
                and not i.indisprimary
                and not exists (
                  select 1
                  from pg_attribute a
                  where a.attrelid = i.indrelid
                    and a.attname = ${sql.lit(partitionTime)}
                    and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1])
                )
              )
              or exists (
                select 1
                from pg_attribute a
                where a.attrelid = x.oid and a.attstattarget >= 0
              )
            )
          )
          -- One that a partition alone has.
          or (not own.is_whole and not exists (select 1 from pg_inherits h where h.inhrelid = x.oid))`

/** A right stands with the role that granted it, and only the owner's can be granted again. */
const ofRights = sql`
        select format('right of %s that %s granted', case when g.grantee = 0 then 'public' else pg_get_userbyid(g.grantee) end, pg_get_userbyid(g.grantor))
        from pg_class c
        join own on own.oid = c.oid and own.is_whole
        cross join lateral (
          select r.grantee, r.grantor
          from aclexplode(c.relacl) r
          union all
          select r.grantee, r.grantor
          from pg_attribute a
          cross join aclexplode(a.attacl) r
          where a.attrelid = c.oid
        ) g
        where g.grantor <> c.relowner`

const ofViews = sql`
        select format('view %s, which belongs to %I', v.oid::regclass, pg_get_userbyid(v.relowner))
        from pg_depend d
        join own on own.oid = d.refobjid and own.is_whole
        join pg_rewrite w on w.oid = d.objid
        join pg_class v on v.oid = w.ev_class and v.relkind = 'v'
        where d.refclassid = 'pg_class'::regclass
          and d.classid = 'pg_rewrite'::regclass
          and not pg_has_role(v.relowner, 'usage')`
