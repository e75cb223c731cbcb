import type pg from 'pg'

/** Every column, constraint, index, view, function, trigger and comment of the public schema, one sorted line each: equal schemas give equal lists. */
export async function describeSchema(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(`
    with relation as (
      select oid, relname, relkind
      from pg_class
      where relnamespace = 'public'::regnamespace
    )
    select concat_ws(' ', 'column', relname, relkind, attnum, attname, format_type(atttypid, atttypmod), attnotnull,
      attidentity, attgenerated, pg_get_expr(adbin, adrelid), col_description(relation.oid, attnum)) as line
    from relation
    join pg_attribute on attrelid = relation.oid and attnum > 0 and not attisdropped
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    union all
    select concat_ws(' ', 'relation', relname, relkind, obj_description(oid, 'pg_class'))
    from relation
    union all
    select concat_ws(' ', 'constraint', relname, conname, pg_get_constraintdef(pg_constraint.oid))
    from relation
    join pg_constraint on conrelid = relation.oid
    union all
    select concat_ws(' ', 'index', pg_get_indexdef(oid))
    from relation
    where relkind = 'i'
    union all
    select concat_ws(' ', 'view', relname, pg_get_viewdef(oid))
    from relation
    where relkind in ('v', 'm')
    union all
    select concat_ws(' ', 'function', pg_get_functiondef(oid), obj_description(oid, 'pg_proc'))
    from pg_proc
    where pronamespace = 'public'::regnamespace and prokind = 'f'
    union all
    select concat_ws(' ', 'trigger', relname, pg_get_triggerdef(pg_trigger.oid))
    from relation
    join pg_trigger on tgrelid = relation.oid and not tgisinternal
    union all
    select concat_ws(' ', 'type', typname, typtype)
    from pg_type
    where typnamespace = 'public'::regnamespace
    order by line`)
  return rows.map(({ line }) => line)
}
