import pg from 'pg'

import { migrate } from '../../lib/postgres/migrate/migrate.js'

/**
 * Migrates an empty database and turns the table into one that is partitioned by month, with the same columns, indexes and views. A few
 * months and a default partition: planning takes longer with each.
 */
export async function migrateWithMonths(url: string): Promise<void> {
  await migrate({ target: url })
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query<{ statement: string }>(recreated)
    await client.query(`
      alter table conversas_analytics rename to whole;
      alter table whole rename constraint conversas_analytics_pkey to whole_pkey;
      create table conversas_analytics (like whole including all excluding indexes)
        partition by range (conversation_created_at);
      drop table whole cascade;
      alter table conversas_analytics
        add primary key (conversation_id, conversation_created_at),
        alter column conversation_created_at set default '2026-01-01';
      create table conversas_analytics_rest partition of conversas_analytics default;
      ${rows.map(({ statement }) => statement).join(';\n')};
      ${months.map(monthOf).join(';\n')}`)
  } finally {
    await client.end()
  }
}

/** Whether the tests run with such a table, as `npm run test:months` does. */
export const hasMonths = process.env['TEST_TARGET_TABLE'] === 'months'

/** Those that most of the tests' conversations are of. */
const months = ['2026-01', '2026-02', '2026-10', '2026-11']

const monthOf = (month: string) => `
  create table "conversas_analytics_${month}" partition of conversas_analytics
    for values from ('${month}-01') to (timestamp '${month}-01' + interval '1 month')`

/** What hangs on the table and has to be created anew: indexes but the key, and views in their order. */
const recreated = `
  select indexdef as statement
  from pg_indexes
  where tablename = 'conversas_analytics'
    and indexname <> 'conversas_analytics_pkey'
  union all
  select statement
  from (
    select format('create view %s as %s', c.oid::regclass, rtrim(pg_get_viewdef(c.oid), ';')) as statement
    from pg_class c
    where c.relkind = 'v'
      and c.relnamespace = 'public'::regnamespace
      and c.relname ~ '^vw_(conversas_analytics|chatwoot)'
    order by c.oid
  ) views`
