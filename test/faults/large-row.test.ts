import { afterAll, beforeAll, expect, it } from 'vitest'

import { syncConversations } from '../../lib/index.js'
import { startWorker } from '../bench/worker.js'
import { openEmptySync, type SyncFixture } from '../fixtures/sync-fixture.js'

const bytes = 100 * 1024 * 1024
const relation = { name: 'notes', key: 'id', changedAt: 'changed_at' }

let at: SyncFixture
beforeAll(async () => {
  at = await openEmptySync()
  // Not compressed, which would take longer than all the rest.
  const table = `
    create table notes (id bigint primary key, changed_at timestamp, body text);
    alter table notes alter column body set storage external`
  await at.target.query(table)
  // JavaScript needs two bytes for each character of a text that has an emoji.
  await at.source.query(`
    ${table};
    insert into notes
    select n, '2026-01-01', case n when 5 then repeat('0123456789ab👍', ${bytes / 16}) else '👍' end
    from generate_series(1, 9) n`)
})
afterAll(() => at[Symbol.asyncDispose]())

it.each(['copy', 'cursor'] as const)(
  'a row with 100 MB of text arrives by %s, in bounded memory',
  async (extractor) => {
    await using worker = await startWorker('source')
    const ends = { source: at.source.url, target: at.target.url }
    const { peakBytes } = await worker.sync({
      ...ends,
      relation,
      table: 'notes',
      loadType: 'full',
      extractor,
    })
    // The whole process, of which about 130 MB are there before the first row.
    expect(peakBytes).toBeLessThan(7 * bytes)
    const content = 'select id, octet_length(body) as bytes, md5(body) as digest from notes order by id'
    expect(await at.target.query(content)).toEqual(await at.source.query(content))
    await at.target.query('truncate notes')
  },
)

it('a value that is longer than any string of Node fails a run by cursor, and ends neither the process nor leaves its row open', async () => {
  await at.source.query(
    `create view huge as select 1::bigint as id, timestamp '2026-01-01' as changed_at, repeat('x', 540000000) as body`,
  )
  const run = syncConversations({
    ...{ source: at.source.url, target: at.target.url, pipeline: 'huge', extractor: 'cursor' },
    ...{ relation: { ...relation, name: 'huge' }, table: 'notes' },
  })

  await expect(run).rejects.toMatchObject({ code: 'SOURCE_FAILED', remedy: expect.stringContaining('COPY') })

  const runs = `select status, error_code as code from etl_control where pipeline = 'huge'`
  expect(await at.target.query(runs)).toEqual([{ status: 'failed', code: 'SOURCE_FAILED' }])
})
