import { expect, it } from 'vitest'

import { syncConversations } from '../../lib/index.js'
import { openEmptySync } from '../fixtures/sync-fixture.js'

const relation = { name: 'huge', key: 'id', changedAt: 'changed_at' }

async function openHuge() {
  const at = await openEmptySync()
  await at.target.query('create table notes (id bigint primary key, changed_at timestamp, body text)')
  await at.source.query(
    `create view huge as select 1::bigint as id, timestamp '2026-01-01' as changed_at, repeat('x', 540000000) as body`,
  )
  const sides = { source: at.source.url, target: at.target.url }
  return { at, options: { ...sides, pipeline: 'huge', relation, table: 'notes' } as const }
}

it('a value that is longer than any string of Node arrives by cursor, as its bytes are passed on', async () => {
  const { at, options } = await openHuge()
  await using _ = at
  expect(await syncConversations({ ...options, extractor: 'cursor' })).toMatchObject({ rowsInserted: 1 })
  const stored = `select length(body) as length, md5(body) = md5(repeat('x', 540000000)) as same from notes`
  expect(await at.target.query(stored)).toEqual([{ length: 540_000_000, same: true }])
})

it('such a value fails a run with a transform, and ends neither the process nor leaves its row open', async () => {
  const { at, options } = await openHuge()
  await using _ = at
  const run = syncConversations({ ...options, transform: (row) => row })

  await expect(run).rejects.toMatchObject({ code: 'SOURCE_FAILED', remedy: expect.stringContaining('COPY') })

  const runs = `select status, error_code as code from etl_control where pipeline = 'huge'`
  expect(await at.target.query(runs)).toEqual([{ status: 'failed', code: 'SOURCE_FAILED' }])
})
