import { expect, it } from 'vitest'

import { syncConversations } from '../../lib/index.js'
import { openEmptySync } from '../fixtures/sync-fixture.js'

const relation = { name: 'huge', key: 'id', changedAt: 'changed_at' }

it('a value that is longer than any string of Node fails a run by cursor, and ends neither the process nor leaves its row open', async () => {
  await using at = await openEmptySync()
  await at.target.query('create table notes (id bigint primary key, changed_at timestamp, body text)')
  await at.source.query(
    `create view huge as select 1::bigint as id, timestamp '2026-01-01' as changed_at, repeat('x', 540000000) as body`,
  )
  const run = syncConversations({
    ...{ source: at.source.url, target: at.target.url, pipeline: 'huge', extractor: 'cursor' },
    ...{ relation, table: 'notes' },
  })

  await expect(run).rejects.toMatchObject({ code: 'SOURCE_FAILED', remedy: expect.stringContaining('COPY') })

  const runs = `select status, error_code as code from etl_control where pipeline = 'huge'`
  expect(await at.target.query(runs)).toEqual([{ status: 'failed', code: 'SOURCE_FAILED' }])
})
