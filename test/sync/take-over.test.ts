import { expect, it } from 'vitest'

import { migrate, syncConversations, verifyConversations } from '../../lib/index.js'
import { indexed, makePythonTarget } from '../fixtures/python-target.js'
import { cloneDatabase } from '../setup/database.js'
import { chatwootSize } from '../setup/templates.js'

const oldRows = `
  select id, conversation_id, contact_name, days_since_creation
  from conversas_analytics
  where id <= 40
  order by id`

const history = `
  select status, error_code, rows_extracted::integer, rows_inserted::integer, load_type
  from etl_control
  order by started_at`

it('a target of the Python pipeline is taken over with its rows and its history, and goes on from its watermark', async () => {
  await using source = await cloneDatabase('source')
  await using target = await cloneDatabase('target', 'template0')
  const [{ watermark } = { watermark: '' }] = await source.query<{ watermark: string }>(
    'select max(updated_at)::text as watermark from conversations',
  )
  await makePythonTarget(target, watermark)
  await target.query(
    `insert into conversas_analytics (conversation_id, contact_name, days_since_creation, etl_inserted_at)
     select id, 'kept', 3, null from generate_series(1, 40) id`,
  )
  const rows = await target.query(oldRows)
  expect(rows).toHaveLength(40)

  await migrate({ target: target.url })
  expect(await target.query(oldRows)).toEqual(rows)
  const indexes = await target.query<{ name: string }>(
    `select indexname as name from pg_indexes where tablename = 'conversas_analytics'`,
  )
  expect(indexes.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'conversas_analytics_pkey',
      'conversas_analytics_conversation_id_key',
      ...indexed.map((column) => `idx_conversas_${column}`),
    ]),
  )
  expect(
    await target.query(`
      select column_name
      from information_schema.columns
      where table_name = 'conversas_analytics'
        and character_maximum_length is not null`),
  ).toEqual([])
  expect(await target.query(history)).toEqual([
    { status: 'failed', error_code: 'INTERRUPTED', rows_extracted: 7, rows_inserted: 2, load_type: 'full' },
    { status: 'success', error_code: null, rows_extracted: 482, rows_inserted: 482, load_type: 'full' },
    {
      status: 'failed',
      error_code: 'INTERRUPTED',
      rows_extracted: 0,
      rows_inserted: 0,
      load_type: 'incremental',
    },
  ])
  expect(await target.query('select count(*)::integer as runs from etl_control_python')).toEqual([
    { runs: 3 },
  ])
  expect(await target.query('select get_last_successful_watermark()::text as at')).toEqual([
    { at: watermark },
  ])

  await source.query(
    `update conversations set updated_at = now() at time zone 'UTC', priority = 3 where id = 7`,
  )
  const report = await syncConversations({ source: source.url, target: target.url })
  expect(report).toMatchObject({ loadType: 'incremental', status: 'success', reason: null })
  expect(report.warnings).toContainEqual(expect.objectContaining({ code: 'TAKEN_OVER' }))
  expect(report.rowsExtracted).toBeLessThan(chatwootSize)
  const goesOn = `select $1::timestamp = $2::timestamp - interval '60 seconds' as "goesOn"`
  expect(await target.query(goesOn, [report.watermarkStart, watermark])).toEqual([{ goesOn: true }])
  const [seven] = await target.query(
    'select priority, labels from conversas_analytics where conversation_id = 7',
  )
  expect(seven).toMatchObject({ priority: 3, labels: expect.any(Array) })

  await syncConversations({ source: source.url, target: target.url, loadType: 'full', maxDeleteShare: 1 })
  const [ids] = await target.query(
    'select count(id)::integer as ids, max(id) as last, count(*)::integer as rows from conversas_analytics',
  )
  expect(ids).toMatchObject({ ids: ids?.['rows'], last: expect.any(Number) })
  expect(ids?.['last']).toBeGreaterThan(40)
  const found = await verifyConversations({ source: source.url, target: target.url })
  expect(found).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
})
