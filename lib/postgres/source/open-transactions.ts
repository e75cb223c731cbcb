import { sql } from 'kysely'

import type { Session } from '../driver/session.js'
import { compile } from '../driver/statement.js'

/** The oldest open transaction, as what changed since it began is read again; ages as texts, null where there is none to see. */
export interface OpenTransactions {
  readonly isStandby: boolean
  /** Age in seconds; only transactions of this database, and of those only the ones whose start the role may see. */
  readonly seconds: string | null
  /**
   * How many transaction ids were given out meanwhile. Of a standby, of the oldest transaction on its primary, in whatever database that is;
   * else of the oldest in this database.
   */
  readonly ids: string | null
  /** The oldest prepared transaction of this database; null for none. A standby shows none of its primary. */
  readonly prepared: PreparedTransaction | null
}

/** A transaction that was prepared, and neither committed nor rolled back. */
export interface PreparedTransaction {
  readonly gid: string
  readonly database: string
  /** Who may end it, as may a superuser; as SQL writes it. */
  readonly owner: string
  /** Since it was prepared. */
  readonly seconds: number
  /** How many more are prepared in this database. */
  readonly others: number
}

export async function readOpenTransactions(
  source: Pick<Session, 'rows'>,
): Promise<OpenTransactions | undefined> {
  const [row] = await source.rows(
    compile(sql<Omit<OpenTransactions, 'prepared'> & { prepared: string | null }>`
      with
        here as (
          select a.xact_start, greatest(age(a.backend_xid), age(a.backend_xmin)) as ids
          from pg_stat_activity a
          where a.datname = current_database()
            and a.pid <> pg_backend_pid()
        ),
        prepared as (
          select
            json_build_object(
              'gid', p.gid,
              'database', p.database,
              'owner', quote_ident(p.owner),
              'seconds', extract(epoch from clock_timestamp() - p.prepared)::numeric(20,3),
              'others', count(*) over () - 1
            )::text as facts
          from pg_prepared_xacts p
          where p.database = current_database()
          order by p.prepared
          limit 1
        )
      select
        pg_is_in_recovery() as "isStandby",
        (
          select max(extract(epoch from clock_timestamp() - h.xact_start))::numeric(20,3)::text from here h
        ) as seconds,
        case
          when pg_is_in_recovery() then age(pg_snapshot_xmin(pg_current_snapshot())::xid)::text
          else (select max(h.ids)::text from here h)
        end as ids,
        (select p.facts from prepared p) as prepared`),
  )
  return row && { ...row, prepared: JSON.parse(row.prepared ?? 'null') as PreparedTransaction | null }
}
