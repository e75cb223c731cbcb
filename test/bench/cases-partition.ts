import { migrate, partitionTable } from '../../lib/index.js'
import type { Bench, Group } from './bench.js'
import { compete, requireCounts, spentOn, type Strategy } from './contest.js'
import { createPair, requireEqual, withClient, type Pair } from './database.js'
import { atLeastFaster, atMost, told, within } from './findings.js'

/** A table by month beside the same one without. */
export const partition: Group = {
  name: 'partition',
  shows: 'a table of 60 months beside one without: a full load, 200 changes, 13 months by inbox',
  run: async (bench) => {
    await using pair = await openTables(bench)
    const { repeat, log } = bench
    const bulk = await compete(
      { flat: bulkRun(bench, pair, 'flat'), months: bulkRun(bench, pair, 'months') },
      repeat,
      log,
    )
    await pair.target.query('vacuum analyze kept_flat')
    await pair.target.query('analyze kept_months')
    const changed = await compete(
      { flat: changedRun(bench, pair, 'flat'), months: changedRun(bench, pair, 'months') },
      repeat,
      log,
    )
    const report = await compete(
      { flat: monthsByInbox(pair, bench.rows, 'flat'), months: monthsByInbox(pair, bench.rows, 'months') },
      repeat,
      log,
    )
    const of = `${bench.rows} rows`
    return {
      costs: [bulk, changed, report].flatMap((costs) => Object.values(costs)),
      findings: [
        atMost(`full load of ${of} by month`, bulk.months.milliseconds, 1.15, {
          of: 'without',
          value: bulk.flat.milliseconds,
        }),
        within(
          '200 changes in them, more than without',
          changed.months.milliseconds - changed.flat.milliseconds,
          120,
          'ms',
        ),
        told('the same, without', changed.flat.milliseconds, 'ms'),
        atLeastFaster('13 months of them by inbox', report.months.milliseconds, 4, {
          of: 'without',
          value: report.flat.milliseconds,
        }),
      ],
    }
  },
}

type Form = 'flat' | 'months'

/** Conversations of 60 months in a table of the source, in another order than that of their time, as an import leaves them. */
async function openTables({ source, target, rows }: Bench): Promise<Pair> {
  const pair = await createPair(source, target, 'by_month')
  await Promise.all([migrate({ target: pair.source.url }), migrate({ target: pair.target.url })])
  const [{ names } = { names: '' }] = await pair.source.query<{ names: string }>(`
    select string_agg(attname, ', ' order by attnum) as names
    from pg_attribute
    where attrelid = 'conversas_analytics'::regclass
      and attnum > 0
      and attname not in ('etl_inserted_at', 'etl_updated_at', 'deleted_at')`)
  await pair.source.query(`create table kept as select ${names} from conversas_analytics`)
  await pair.source.query(
    `
    insert into kept (
      conversation_id, account_id, inbox_id, status, contact_id, contact_name, first_response_time_seconds,
      conversation_created_at, conversation_updated_at, conversation_date, message_compiled
    )
    select
      i, 1, i % 12, i % 3, i % 10000, 'contact ' || i, i % 5000,
      made.at, made.at, made.at::date,
      jsonb_build_array(jsonb_build_object('content', (select string_agg(md5((i * 50 + g)::text), ' ') from generate_series(1, 40) g)))
    from generate_series(1, $1::integer) i
    cross join lateral (
      select timestamp '2021-11-01' + (i * 7919::bigint % $1) * (interval '1826 days' / $1)
    ) made (at)`,
    [rows],
  )
  await pair.source.query('alter table kept add primary key (conversation_id)')
  await pair.source.query('create index on kept (conversation_updated_at)')
  await pair.source.query('vacuum analyze kept')
  for (const form of ['flat', 'months'])
    await pair.target.query(`create table kept_${form} (like conversas_analytics including all)`)
  // With a row of each month, so that there are all of them.
  await pair.target.query(`
    insert into kept_months (conversation_id, conversation_created_at)
    select i, timestamp '2021-11-01' + i * interval '1 month' from generate_series(0, 60) i`)
  await partitionTable({ target: pair.target.url, table: 'kept_months', monthsAhead: 0 })
  return pair
}

const optionsOf = (form: Form) => ({
  relation: { name: 'kept', key: 'conversation_id', changedAt: 'conversation_updated_at' },
  table: `kept_${form}`,
  pipeline: form,
})

function bulkRun({ worker, rows }: Bench, pair: Pair, form: Form): Strategy {
  const name = `full load, ${form}`
  return {
    ...{ name, rows, pair },
    prepare: async () => {
      await pair.target.query(`truncate kept_${form}`)
      await pair.target.query(`delete from etl_control where pipeline = '${form}'`)
    },
    run: (ends) => worker.sync({ ...ends, ...optionsOf(form), loadType: 'full' }),
    check: async (spent) => requireCounts(name, spent, { rowsExtracted: rows, rowsInserted: rows }),
  }
}

function changedRun({ worker, rows }: Bench, pair: Pair, form: Form): Strategy {
  const name = `200 changed, ${form}`
  return {
    ...{ name, rows: 200, pair },
    prepare: () =>
      pair.source.query(
        `
        update kept
        set contact_name = contact_name || '.',
          conversation_updated_at = clock_timestamp() at time zone 'UTC'
        where conversation_id = any(array(select g * $1::integer / 200 from generate_series(1, 200) g))`,
        [rows],
      ),
    run: (ends) => worker.sync({ ...ends, ...optionsOf(form) }),
    check: async (spent) => requireCounts(name, spent, { rowsUpdated: 200 }),
  }
}

function monthsByInbox(pair: Pair, rows: number, form: Form): Strategy {
  const name = `13 months by inbox, ${form}`
  let found = 0
  return {
    ...{ name, rows, pair },
    prepare: async () => undefined,
    run: ({ target }) =>
      spentOn(() =>
        withClient(target, async (client) => {
          const answer = await client.query(`
            select inbox_id, count(*) as rows, avg(first_response_time_seconds)
            from kept_${form}
            where conversation_created_at >= '2025-10-01'
            group by inbox_id`)
          found = answer.rows.length
        }),
      ),
    check: async () => requireEqual(name, String(found), '12'),
  }
}
