import { expect, it } from 'vitest'

import type { ConversationRow } from '../../lib/chatwoot/row.js'
import { previousRunsQuery } from '../../lib/postgres/control/run-rows.js'
import { recordedCounts } from '../../lib/postgres/control/runs.js'
import { withControlSchema } from '../../lib/postgres/driver/statement.js'
import {
  insertConversation,
  insertMessage,
  openSmallSync,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'

/** A conversation that was stamped long ago, is missing in the target, and has a new message. */
async function missOldConversation(at: SyncFixture, stamp: string): Promise<number> {
  const id = await insertConversation(at.source, { created_at: stamp, updated_at: stamp })
  await at.sync()
  await at.target.query('delete from conversas_analytics where conversation_id = $1', [id])
  const [{ now } = { now: '' }] = await at.source.query<{ now: string }>(
    `select (now() at time zone 'UTC')::text as now`,
  )
  await insertMessage(at.source, id, { created_at: now, updated_at: now })
  return id
}

it.each(['before the column was widened', 'after it'])(
  'loads a row that was missing for years, %s',
  async (when) => {
    await using at = await openSmallSync()
    await insertConversation(at.source)
    const id = await missOldConversation(at, '1990-01-01')
    if (when !== 'after it') {
      await at.target.query('alter table etl_control alter column margin_used_seconds type numeric(12,6)')
    }

    const report = await at.sync()

    expect(report).toMatchObject({ loadType: 'incremental', status: 'success' })
    expect(report.rowsInserted).toBeGreaterThan(0)
    const found = await at.target.query('select 1 from conversas_analytics where conversation_id = $1', [id])
    expect(found).toHaveLength(1)
    const years = (report.marginUsedSeconds ?? 0) / 31_557_600
    if (when === 'after it') expect(years).toBeGreaterThan(30)
    else expect(report.marginUsedSeconds).toBe(999_999.999999)
  },
)

it.each(['-infinity', '0044-03-15 BC', '294276-12-31 23:59:59'])(
  'loads a row whose stamp is %s',
  async (stamp) => {
    await using at = await openSmallSync()
    await at.source.query(`
      create table mine (id integer primary key, v text, at timestamp);
      insert into mine values (1, 'a', '2026-01-01'), (2, 'a', null)`)
    await at.target.query('create table mine (id integer primary key, v text, at timestamp)')
    const relation = { name: 'mine', key: 'id', changedAt: 'at' }
    const mine = { relation, table: 'mine', pipeline: 'mine' }
    await at.sync(mine)
    let v = 'b'
    const transform = (row: ConversationRow) => Object.assign(row, { v, at: stamp })
    await at.sync({ ...mine, transform })
    await at.source.query('update mine set at = null')
    await at.target.query(`update mine set at = '2026-01-01'`)
    v = 'c'

    const report = await at.sync({ ...mine, transform })

    expect(report).toMatchObject({ loadType: 'incremental', rowsUpdated: 2 })
  },
)

it('closes a run that died when the clock stood at its beginning', async () => {
  await using at = await openSmallSync()
  await at.target.query(`
    insert into etl_control (load_type, started_at) values ('full', '1900-01-01')`)
  expect(await at.sync({ keepHistory: 0 })).toMatchObject({ status: 'success' })
  expect(
    await at.target.query(`select duration_seconds::text from etl_control where status = 'failed'`),
  ).toEqual([{ duration_seconds: '999999999.000' }])
})

it('records counts that no integer holds as the largest that it holds, and they still add up', () => {
  const most = 2 ** 31 - 1
  const none = { rowsInserted: 0, rowsUpdated: 0, rowsUnchanged: 0, rowsRejected: 0, rowsDeleted: 0 }
  expect(recordedCounts({ ...none, rowsExtracted: 3e9, rowsInserted: 3, rowsUnchanged: 3e9 })).toEqual({
    ...none,
    rowsExtracted: most,
    rowsInserted: 3,
    rowsUnchanged: most - 3,
  })
})

it('starts from two steps in an index, however long the history is', async () => {
  await using at = await openSmallSync()
  await at.target.query(`
    insert into etl_control (pipeline, load_type, status, started_at, completed_at, error_code)
    select p, 'incremental', case when n % 50 = 0 then 'failed' else 'success' end,
      now() - n * interval '5 minutes', now(), case when n % 50 = 0 then 'INTERRUPTED' end
    from generate_series(1, 3000) n, unnest(array['conversations', 'other']) p`)
  await at.target.query('analyze etl_control')
  const { sql, parameters } = withControlSchema(previousRunsQuery('conversations'), 'public')
  const rows = await at.target
    .query<{ plan: [{ Plan: PlanNode }] }>(`explain (analyze, format json) ${sql}`, [...parameters])
    .then((found) => found.map((row) => Object.values(row)[0] as [{ Plan: PlanNode }]))
  const nodes = rows.flatMap(([{ Plan }]) => nodesOf(Plan))
  expect(nodes.map((node) => node['Node Type']).filter((type) => /Seq Scan/.test(type))).toEqual([])
  const read = nodes.reduce(
    (sum, node) => sum + (node['Rows Removed by Filter'] ?? 0) + node['Actual Rows'],
    0,
  )
  expect(read).toBeLessThan(20)
})

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Actual Rows': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly PlanNode[]
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)]
