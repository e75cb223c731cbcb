import { sql } from 'kysely'

import type { ColumnKind } from './tables.js'

/** Types of each kind by object id, which is the same on every server; `citext` is an extension's and has none of its own. */
export const basesOf: Readonly<Record<ColumnKind, readonly string[]>> = {
  integer: ['21', '23', '20'],
  number: ['701', '700', '1700', '21', '23', '20'],
  text: ['25', '1043', 'citext'],
  time: ['1114'],
  boolean: ['16'],
  uuid: ['2950'],
  json: ['114', '3802'],
  jsonb: ['3802'],
}

/**
 * Below every domain, the type of the column `a`: its object id, or `citext`. Ids below 10000 are fixed in the source of PostgreSQL, which has
 * no domain among them: looking those up for each column would be most of the query's time.
 */
export const baseOf = sql`case when a.atttypid < 10000 then a.atttypid::text else (
    with recursive below (oid) as (
      select a.atttypid
      union all
      select t.typbasetype
      from below b
      join pg_type t on t.oid = b.oid and t.typtype = 'd'
    )
    select case
      when exists (
        select 1
        from pg_depend d
        join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid
        where d.classid = 'pg_type'::regclass
          and d.objid = t.oid
          and d.deptype = 'e'
          and e.extname = 'citext'
          and t.oid >= 16384
      ) then 'citext'
      else t.oid::text
    end
    from below b
    join pg_type t on t.oid = b.oid and t.typtype <> 'd'
  ) end`
