import { sql } from 'kysely'

import { tableOf, type Relation } from '../driver/catalog.js'
import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** What the catalog shows of the times in a column without a time zone. */
export interface StampZone {
  /** In which the owner of the relation writes the present time. */
  readonly zone: string
  /** It is the same as UTC all year. */
  readonly isUtc: boolean
  /** The column's default, as SQL. */
  readonly default: string | null
}

/**
 * Our own session is no witness, as it asks for UTC: the setting of the database or of the owner of the relation is, and where there is none,
 * that of the server.
 */
export async function readStampZone(
  source: Session,
  { schema, name }: Pick<Relation, 'schema' | 'name'>,
  column: string,
): Promise<StampZone> {
  const [row] = await source.rows(
    compile(sql<StampZone>`
  select
    found.zone,
    coalesce(
      (
        select bool_and(day at time zone found.zone = day at time zone 'UTC')
        from unnest(array[timestamp '2026-01-15', timestamp '2026-07-15']) day
      ),
      true
    ) as "isUtc",
    found."default"
  from (
    select
      coalesce(
          (
            select substr(setting, length('timezone=') + 1)
            from pg_db_role_setting s
            cross join lateral unnest(s.setconfig) setting
            where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
              and s.setrole in (0, c.relowner)
              and lower(setting) like 'timezone=%'
            order by
              s.setrole = 0,
              s.setdatabase = 0
            limit 1
          ),
          (select reset_val from pg_settings where name = 'TimeZone')
      ) as zone,
      pg_get_expr(d.adbin, d.adrelid) as "default"
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = ${column}::text and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relname = ${name}::text
      and c.relnamespace = to_regnamespace(quote_ident(${schema}::text))
  ) found`),
  )
  return row ?? { zone: 'UTC', isUtc: true, default: null }
}

/** Where the newest stamp of a relation lies, within a quarter of an hour. */
export interface NewestStamp {
  /** It is later than now in UTC. */
  readonly isAhead: boolean
  /** It is the present time of the zone, and not that of UTC. */
  readonly isLocal: boolean
}

/** Reads the relation whole where the column has no index. */
export async function newestStamp(
  source: Session,
  relation: Pick<Relation, 'schema' | 'name'>,
  column: string,
  zone: string,
): Promise<NewestStamp> {
  const stamp = sql`r.${sql.id(column)}`
  const [row] = await source.rows(
    compile(sql<{ is_ahead: boolean; is_local: boolean }>`
      select
        coalesce(at > utc + margin, false) as is_ahead,
        coalesce(at between here - margin and here + margin and not at between utc - margin and utc + margin, false) as is_local
      from (
        select
          max(${stamp}) filter (where isfinite(${stamp})) as at,
          now() at time zone 'UTC' as utc,
          now() at time zone ${zone}::text as here,
          interval '15 minutes' as margin
        from ${tableOf(relation)} r
      ) newest`),
  )
  return { isAhead: row?.is_ahead === true, isLocal: row?.is_local === true }
}
