import { afterAll, beforeAll, expect, it } from 'vitest'

import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { verifyConversations, type VerifyOptions, type VerifyReport } from '../../lib/index.js'
import { syncConversations } from '../../lib/sync.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'
import { plantDifferences } from '../soak/planting.js'
import { openWire } from '../soak/wire.js'
import { fullContent } from '../fixtures/sync-fixture.js'
import { share } from '../setup/share.js'

let source: TestDatabase
let target: TestDatabase

/** Of the smaller size, too, more than are compared at once; both sides read all messages again for each comparison. */
const [conversations, messagesPerConversation] = share([2100, 1], [5000, 4])

beforeAll(async () => {
  ;[source, target] = await Promise.all([cloneDatabase('source', 'template0'), cloneDatabase('target')])
  // Long ago, so that no stamp is within the allowance of now.
  const now = '2026-01-31T12:00:00Z'
  await createChatwootSource(source.url, { conversations, messagesPerConversation, now })
  await syncConversations({ source: source.url, target: target.url })
})

afterAll(async () => {
  await Promise.all([source[Symbol.asyncDispose](), target[Symbol.asyncDispose]()])
})

const verify = (options: Partial<VerifyOptions> = {}): Promise<VerifyReport> =>
  verifyConversations({ source: source.url, target: target.url, ...options })

const equal = { rowsMissing: 0, rowsStale: 0, rowsExtra: 0, rowsSilent: 0, rowsPending: 0, rowsRepaired: 0 }

/** The transaction that wrote each row. */
async function writers(): Promise<Map<string, string>> {
  const rows = await target.query<{ key: string; writer: string }>(
    'select conversation_id::text as key, xmin::text as writer from conversas_analytics',
  )
  return new Map(rows.map(({ key, writer }) => [key, writer]))
}

it('transfers less than a hundredth of the rows of equal tables', async () => {
  await using wire = await openWire(source.url)

  const report = await verify({ source: wire.url })

  expect(report).toMatchObject({ ...equal, rowsCompared: conversations, differingColumns: {} })
  const [size] = await target.query<{ bytes: number }>(
    'select sum(octet_length(c::text))::integer as bytes from conversas_analytics c',
  )
  expect(wire.received()).toBeGreaterThan(0)
  expect(wire.received()).toBeLessThan((size?.bytes ?? 0) / 100)
})

it('finds a difference in any column, rows that are missing and rows that are too many', async () => {
  const planted = await plantDifferences(target.pool)

  const report = await verify()

  expect(report).toMatchObject({ ...planted.report, rowsRepaired: 0 })
  expect(report.differingKeys).toHaveLength(100)
  expect(planted.keys).toEqual(expect.arrayContaining([...report.differingKeys]))

  const before = await writers()
  const repaired = await verify({ repair: true })
  const after = await writers()

  expect(repaired).toMatchObject({ ...planted.report, rowsRepaired: planted.keys.length })
  const touched = [...after].flatMap(([key, writer]) => (before.get(key) === writer ? [] : [key]))
  expect(touched.sort()).toEqual([...planted.keys].sort())
  expect(await verify()).toMatchObject(equal)
})

it('finds what changed in the source without a stamp', async () => {
  await source.query('update conversations set agent_last_seen_at = now() where id in (7, 77, 777)')
  expect(await syncConversations({ source: source.url, target: target.url })).toMatchObject({
    rowsUpdated: 0,
  })

  const report = await verify({ repair: true })

  expect(report).toMatchObject({
    rowsStale: 3,
    rowsSilent: 3,
    rowsRepaired: 3,
    differingKeys: ['7', '77', '777'],
  })
  expect(report.differingColumns).toMatchObject({ agent_last_seen_at: 3 })
  expect(await verify()).toMatchObject(equal)
})

it('compares a sample of the rows', async () => {
  await target.query('update conversas_analytics set account_name = concat(account_name, $1::text)', ['!'])

  const report = await verify({ sample: 0.3, repair: true })

  expect(report.sample).toBe(0.3)
  expect(report.rowsCompared).toBeGreaterThan(0)
  expect(report.rowsCompared).toBeLessThan(conversations)
  expect(report).toMatchObject({ rowsStale: report.rowsCompared, rowsRepaired: report.rowsCompared })
  // What the sample left out is still to be found.
  expect(await verify({ repair: true })).toMatchObject({ rowsStale: conversations - report.rowsCompared })
  expect(await verify()).toMatchObject(equal)
})

it('tells how far it is, and keeps its finding beside the runs', async () => {
  const told: number[] = []
  const report = await verify({ onProgress: ({ rowsCompared }) => told.push(rowsCompared) })
  expect(told.at(-1)).toBe(conversations)
  const [kept] = await target.query(
    'select to_jsonb(v) as row from etl_verification v order by started_at desc limit 1',
  )
  expect(kept?.['row']).toMatchObject({
    verification_id: report.verificationId,
    pipeline: 'conversations',
    sample: 1,
    rows_compared: conversations,
    rows_missing: 0,
    rows_stale: 0,
    rows_extra: 0,
    rows_silent: 0,
    rows_pending: 0,
    rows_repaired: 0,
    differing_columns: {},
    differing_keys: [],
  })
})

it.each([0, -1, 1.5, Number.NaN])('refuses a sample of %d', async (sample) => {
  await expect(verify({ sample })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

it('tells what the next run will read from what it would not', async () => {
  await source.query(
    `update conversations set status = 2, updated_at = clock_timestamp() at time zone 'UTC' where id between 100 and 109`,
  )
  const [changed] = await source.query<{ rows: number }>(
    'select count(*)::integer as rows from conversations where id between 100 and 109',
  )
  await target.query('update conversas_analytics set status_label_pt = $1 where conversation_id = 1300', [
    '?',
  ])
  await target.query('delete from conversas_analytics where conversation_id = 105')

  expect(await verify()).toMatchObject({
    rowsPending: changed?.rows,
    rowsStale: 1,
    rowsMissing: 0,
    differingKeys: ['1300'],
  })

  const run = await syncConversations({ source: source.url, target: target.url })
  expect(run.rowsUpdated + run.rowsInserted).toBe(changed?.rows)
  expect(await verify({ repair: true })).toMatchObject({
    ...equal,
    rowsStale: 1,
    rowsSilent: 1,
    rowsRepaired: 1,
  })
})

it('marks the few rows as deleted that are gone', async () => {
  await source.query('delete from conversations where id in (11, 12)')

  expect(await verify({ repair: true })).toMatchObject({
    rowsExtra: 2,
    rowsRepaired: 2,
    differingKeys: ['11', '12'],
  })

  const marked = await target.query(
    'select conversation_id as id from conversas_analytics where deleted_at is not null and conversation_id < 100',
  )
  expect(marked.map(({ id }) => id).sort()).toEqual([11, 12])
})

it('does not let a source that was wiped wipe the target', async () => {
  const before = await fullContent(target)
  await source.query('delete from conversations where id % 2 = 0')
  await expect(verify({ repair: true })).rejects.toMatchObject({ code: 'TOO_MANY_DELETES' })
  await source.query('truncate conversations')
  await expect(verify({ repair: true })).rejects.toMatchObject({ code: 'SOURCE_EMPTY' })

  expect(await fullContent(target)).toEqual(before)
})
