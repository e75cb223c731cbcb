import { sql } from 'kysely'

import { firstOfUser } from './column-type.js'

/**
 * The types of the user among those of the columns of `c`, and those below them: of a domain its base, of an array its elements. What every
 * server has needs no look, so that most tables cost none. A type with elements that has an array of its own is no array.
 */
export const usedTypes = sql.raw(`(
      with recursive used (oid) as (
        select a.atttypid
        from pg_attribute a
        where a.attrelid = c.oid
          and a.attnum > 0
          and a.atttypid >= ${firstOfUser}
          and not a.attisdropped
        union
        select part.oid
        from used u
        join pg_type t on t.oid = u.oid
        cross join lateral (values (t.typbasetype), (t.typelem)) part (oid)
        where part.oid >= ${firstOfUser}
      )
      select json_agg(
        json_build_object(
          'oid', t.oid::bigint,
          'form', t.typtype,
          'category', t.typcategory,
          'bare', format_type(t.oid, -1),
          'base', t.typbasetype::bigint,
          'modifier', t.typtypmod,
          'baseBare', case when t.typbasetype <> 0 then format_type(t.typbasetype, -1) else '' end,
          'baseFull', case when t.typbasetype <> 0 then format_type(t.typbasetype, t.typtypmod) else '' end,
          'element', (case when t.typarray = 0 and t.typlen = -1 then t.typelem else 0 end)::bigint,
          'parts', case
            when t.typtype = 'c' then (
              select string_agg(format_type(p.atttypid, p.atttypmod), ',' order by p.attnum)
              from pg_attribute p
              where p.attrelid = t.typrelid
                and p.attnum > 0
                and not p.attisdropped
            )
          end
        )
      )
      from pg_type t
      where t.oid = any(array(select oid from used))
    )::text`)
