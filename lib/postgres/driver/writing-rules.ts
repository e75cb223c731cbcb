import { sql } from 'kysely'

/** What a table makes of the rows that are written to it. */
export interface WritingRules {
  /** By which rule each of the unique columns makes two rows one. */
  readonly keys: readonly KeyRule[]
  /** Names of columns that take no value from outside: computed by the table. */
  readonly generated: readonly string[]
  /** Names of columns that are `generated always as identity`: they take a value by `overriding system value`, and none in an update. */
  readonly identities: readonly string[]
  /** A trigger of the owner's sees the rows, and may change them or leave them out. */
  readonly hasTriggers: boolean
  /** Citus keeps its rows on other servers. */
  readonly isDistributed: boolean
}

/** When a unique index on one column takes two values for equal. */
export interface KeyRule {
  readonly column: string
  /**
   * The other columns of the index, by which the table is partitioned: a unique index of a partitioned table has to contain them, so that a
   * row whose value in them changed does not conflict with the one that is there. None may be NULL.
   */
  readonly beside: readonly string[]
  /** Name of the index. */
  readonly index: string
  /** As an expression names it, with its schema. */
  readonly operator: string
  /** With its schema; null for a type that has none. */
  readonly collation: string | null
  /** Texts that differ are never equal; true also without a collation. */
  readonly isDeterministic: boolean
}

/** Object id of the operator by which the operator class `p` of a B-tree takes two values for equal. */
export const equalityOperator = sql`(
                select r.amopopr
                from pg_amop r
                where r.amopfamily = p.opcfamily
                  and r.amoplefttype = p.opcintype
                  and r.amoprighttype = p.opcintype
                  and r.amopstrategy = 3
              )`

/** The rules as JSON, of the relation `c`: those that call the most equal come first. */
export const keyRulesOfRelation = sql`(
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'column', a.attname,
            'beside', others.names,
            'index', x.relname,
            'operator', (
              select format('operator(%s.%s)', e.oprnamespace::regnamespace, e.oprname)
              from pg_operator e
              where e.oid = ${equalityOperator}
            ),
            'collation', (
              select format('%s.%I', l.collnamespace::regnamespace, l.collname)
              from pg_collation l
              where l.oid = i.indcollation[place.at]
            ),
            'isDeterministic', d.is_deterministic
          )
          order by d.is_deterministic, i.indisprimary desc, i.indexrelid
        ),
        '[]'::jsonb
      )
      from pg_index i
      join pg_class x on x.oid = i.indexrelid
      cross join generate_series(0, i.indnkeyatts - 1) place (at)
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[place.at]
      join pg_opclass p on p.oid = i.indclass[place.at]
      cross join lateral (
        select
          coalesce(jsonb_agg(b.attname order by b.attnum), '[]'::jsonb) as names,
          count(*) as count
        from generate_series(0, i.indnkeyatts - 1) other (at)
        join pg_partitioned_table q on q.partrelid = i.indrelid
        join pg_attribute b on b.attrelid = i.indrelid and b.attnum = i.indkey[other.at]
        where other.at <> place.at
          and b.attnotnull
          and b.attnum = any(q.partattrs)
      ) others
      cross join lateral (
        select coalesce(
          (
            select l.collisdeterministic
            from pg_collation l
            where l.oid = i.indcollation[place.at]
          ),
          true
        ) as is_deterministic
      ) d
      where i.indrelid = c.oid
        and i.indisunique
        and i.indisvalid
        and i.indimmediate
        and i.indpred is null
        and others.count = i.indnkeyatts - 1
    )`

/** The function that the triggers of lakes call. */
export const lakeTrigger = 'etl_mark_lake_months'

/** The function that the triggers of a table call while it is rebuilt. */
export const logTrigger = 'etl_log_partition_changes'

/** What changes rows of a table, with the rows that a trigger for each statement sees. */
export const statementEvents = [
  { event: 'insert', rows: 'referencing new table as new_rows' },
  { event: 'update', rows: 'referencing old table as old_rows new table as new_rows' },
  { event: 'delete', rows: 'referencing old table as old_rows' },
  { event: 'truncate', rows: '' },
] as const

/**
 * Whether the relation `c` or a partition of it has a trigger that sees written rows. Those of a lake and of a rebuilding, which come after
 * each statement and change nothing but notes of their own, do not count.
 */
export const hasTriggersOfRelation = sql`exists (
      select 1
      from pg_trigger g
      where g.tgrelid in (
          select c.oid
          union all
          select relid::oid
          from pg_partition_tree(c.oid)
        )
        and not g.tgisinternal
        and g.tgenabled in ('O', 'A')
        and (g.tgtype & 20) > 0
        and not exists (
          select 1
          from pg_proc f
          where f.oid = g.tgfoid
            and f.proname in (${sql.lit(lakeTrigger)}, ${sql.lit(logTrigger)})
            and g.tgtype & 3 = 0
        )
    )`

/** Whether Citus distributes the relation `c`: each such table has a trigger of it, and its catalog is there only where it is. */
export const isDistributedRelation = sql`exists (
      select 1
      from pg_trigger g
      join pg_proc f on f.oid = g.tgfoid
      where g.tgrelid = c.oid
        and f.proname = 'citus_truncate_trigger'
    )`
