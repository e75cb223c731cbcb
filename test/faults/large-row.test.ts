import { afterAll, beforeAll, expect, it } from 'vitest'

import { startWorker } from '../bench/worker.js'
import { share } from '../setup/share.js'
import { openEmptySync, type SyncFixture } from '../fixtures/sync-fixture.js'

const mebibyte = 1024 * 1024
const bytes = share(8, 100) * mebibyte
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
  'a row with a text of megabytes arrives by %s, in bounded memory',
  async (extractor) => {
    await using worker = await startWorker()
    const ends = { source: at.source.url, target: at.target.url }
    const { peakBytes } = await worker.sync({
      ...ends,
      relation,
      table: 'notes',
      loadType: 'full',
      extractor,
    })
    // The whole process, of which about 130 MiB are there before the first row.
    expect(peakBytes).toBeLessThan(130 * mebibyte + 5.7 * bytes)
    const content = 'select id, octet_length(body) as bytes, md5(body) as digest from notes order by id'
    expect(await at.target.query(content)).toEqual(await at.source.query(content))
    await at.target.query('truncate notes')
  },
)
