import { sql, type RawBuilder } from 'kysely'

/**
 * What row security lets the role of the connection see and write of a table: everything where it is `off` for the role or `open` by its
 * policies, nothing where it is `closed`, and what an expression decides where it is `filtered`.
 */
export type RowSecurity = 'off' | 'open' | 'filtered' | 'closed'

/** The `RowSecurity` of a table, by an expression for its object id, for commands as `pg_policy` names them. */
export function rowSecurityOf(table: RawBuilder<unknown>, commands: readonly string[]): RawBuilder<string> {
  const wanted = sql`${`{${commands.join(',')}}`}::"char"[]`
  const policies = sql`
        select
          p.polpermissive as permissive,
          p.polcmd as command,
          coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'
            and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true' as open
        from pg_policy p
        where p.polrelid = ${table}
          and exists (
            select 1 from unnest(p.polroles) r (role) where r.role = 0 or pg_has_role(r.role, 'usage')
          )`
  return sql<string>`(
      with policies as (${policies})
      select
        case
          when not row_security_active(${table}) then 'off'
          when exists (
            select 1
            from unnest(${wanted}) c (command)
            where not exists (
              select 1 from policies p where p.permissive and p.command in (c.command, '*')
            )
          ) then 'closed'
          when exists (
            select 1
            from unnest(${wanted}) c (command)
            where not exists (
              select 1 from policies p where p.permissive and p.open and p.command in (c.command, '*')
            )
              or exists (select 1 from policies p where not p.permissive and p.command in (c.command, '*'))
          ) then 'filtered'
          else 'open'
        end::text
    )`
}
