import pg from 'pg'
import { expect, it, vi } from 'vitest'

import { catalogOf, change, leftovers, openTable } from '../fixtures/partition-fixture.js'

it('every change of a row while it is rebuilt arrives, whoever makes it', async () => {
  await using at = await openTable()
  const catalog = await catalogOf(at.target)
  for (const [turn, months] of [0, 1, 2].entries()) {
    await at.stopAt(({ phase, monthsDone }) => phase === 'copy' && monthsDone === months)
    await change(at, turn)
    await at.target.query(
      `insert into conversas_analytics (conversation_id, conversation_created_at) values (${2000 + turn}, '2025-0${turn + 1}-01')`,
    )
  }
  await at.stopAt(({ phase }) => phase === 'changes')
  await change(at, 3)
  await at.target.query('update conversas_analytics set conversation_id = 5000 where conversation_id = 9')
  const rows = await at.rows()
  expect(await at.health()).toEqual({ rebuilding: 'ok' })
  expect(await at.partition()).toMatchObject({ action: 'partitioned' })
  expect(await at.rows()).toEqual(rows)

  await at.partition({ dropBefore: 'conversas_analytics_before' })
  for (const [turn, months] of [4, 5, 6].entries()) {
    await at.stopAt(({ phase, monthsDone }) => phase === 'copy' && monthsDone === turn, { undo: true })
    await change(at, months)
    // One that there was not when it began.
    await at.target.query(
      `insert into conversas_analytics (conversation_id, conversation_created_at) values (${3000 + turn}, '2024-0${turn + 1}-01')`,
    )
  }
  await at.stopAt(({ phase }) => phase === 'indexes', { undo: true })
  await at.target.query(
    `insert into conversas_analytics (conversation_id, conversation_created_at) values (3009, '2023-01-01')`,
  )
  await at
    .partition({
      undo: true,
      onProgress: ({ phase }) => {
        if (phase === 'swap') throw new Error('stopped')
      },
    })
    .catch(() => undefined)
  await change(at, 14)
  await at.target.query(
    `insert into conversas_analytics (conversation_id, conversation_created_at) values (3010, '2022-01-01')`,
  )
  const later = await at.rows()
  await at.partition({ undo: true })
  expect(await at.rows()).toEqual(later)
  expect(await catalogOf(at.target)).toEqual(catalog)
})

it('a table that was emptied while it is rebuilt is rebuilt empty, with what came after', async () => {
  await using at = await openTable()
  await at.stopAt(({ monthsDone }) => monthsDone === 2)
  await at.target.query('truncate conversas_analytics')
  await change(at, 7)
  const rows = await at.rows()
  await at.partition()
  expect(rows).toHaveLength(1)
  expect(await at.rows()).toEqual(rows)
})

it('what was built and not finished is dropped when it is cancelled, and the table is as it was', async () => {
  await using at = await openTable()
  const [rows, catalog] = [await at.rows(), await catalogOf(at.target)]
  await at.stopAt(({ monthsDone }) => monthsDone === 2)
  await expect(at.partition({ undo: true })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect(await at.partition({ cancel: true })).toMatchObject({ action: 'cancelled' })
  expect(await leftovers(at.target)).toEqual([])
  expect(await at.target.query('select 1 from etl_partitioning')).toEqual([])
  expect(await at.rows()).toEqual(rows)
  expect(await catalogOf(at.target)).toEqual(catalog)
})

it('a column that is added meanwhile makes it begin anew', async () => {
  await using at = await openTable()
  await at.stopAt(({ monthsDone }) => monthsDone === 1)
  await at.target.query('alter table conversas_analytics add column mine text')
  await expect(at.partition()).rejects.toMatchObject({
    code: 'TABLE_NOT_REBUILDABLE',
    message: expect.stringContaining('--cancel'),
  })
  await at.partition({ cancel: true })
  expect(await at.partition()).toMatchObject({ action: 'partitioned' })
})

it('whoever reads the table keeps the swap waiting, and nobody waits behind it', async () => {
  await using at = await openTable()
  await using reader = await openClient(at.target.url)
  await reader.query('begin; select 1 from vw_conversas_analytics')

  const partitioning = at.partition()
  await vi.waitFor(async () => expect(await at.target.query(tried)).toHaveLength(1), 300_000)
  // Each try has given up before these get through, as the reader still holds its lock.
  for (let round = 0; round < 20; round++) {
    await at.target.query('select 1 from conversas_analytics limit 1')
    await at.target.query(
      `update conversas_analytics set contact_name = '${round}' where conversation_id = 1`,
    )
  }
  await reader.query('commit')
  const report = await partitioning

  expect(report.attempts).toBeGreaterThan(1)
  expect(
    await at.target.query('select 1 from conversas_analytics_202601 where contact_name = $1', ['19']),
  ).toHaveLength(1)
})

it('a run in progress keeps it waiting, for as long as it is told, and what was built is kept', async () => {
  await using at = await openTable()
  await using other = await openClient(at.target.url)
  await other.query(`select pg_advisory_lock(hashtextextended('chatwoot-sync run conversations', 0))`)
  await expect(at.partition({ lockBudget: 0 })).rejects.toMatchObject({ code: 'TARGET_TIMED_OUT' })
  await other.query('select pg_advisory_unlock_all()')
  const again = await at.partition({
    onProgress: ({ phase }) => {
      if (phase === 'copy') throw new Error('Everything is copied already.')
    },
  })
  expect(again).toMatchObject({ action: 'partitioned' })
})

it('two at once do not rebuild one table', async () => {
  await using at = await openTable()
  const outcomes = await Promise.allSettled([at.partition(), at.partition()])
  const codes = outcomes.map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value.action : Reflect.get(Object(outcome.reason), 'code'),
  )
  expect(codes.sort()).toEqual(['LOCKED', 'partitioned'])
})

const tried = `
  select 1
  from pg_stat_activity
  where application_name = 'chatwoot-sync partition'
    and datname = current_database()
    and query like 'do $swap_%'`

async function openClient(url: string) {
  const client = new pg.Client(url)
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}
