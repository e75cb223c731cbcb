import { sql } from 'kysely'
import pg from 'pg'
import { expect, it } from 'vitest'

import type { SyncOptions } from '../../lib/options.js'
import { compile } from '../../lib/postgres/driver/statement.js'
import { changedSince } from '../../lib/postgres/source/custom-relation.js'
import { openEmptySync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'

const relation = { name: 'st', key: 'id', changedAt: 'updated_at' }
const options = { relation, table: 'tt', pipeline: 'p' } satisfies Partial<SyncOptions>
const inZone = (changedAtZone: string) => ({ ...options, relation: { ...relation, changedAtZone } })

/** A source whose database has a time zone, with one row, stamped by its default or as told. */
async function open(zone: string, stamp = 'default', type = 'timestamp default now()') {
  const at = await openEmptySync()
  await at.source.query(`alter database ${at.source.name} set timezone = '${zone}'`)
  await inDatabaseZone(
    at,
    `create table st (id int primary key, v text, updated_at ${type});
     insert into st (id, v, updated_at) values (1, 'a', ${stamp})`,
  )
  await at.target.query('create table tt (id int primary key, v text, updated_at timestamp)')
  return at
}

/** As an application that connects after the setting was made. */
async function inDatabaseZone({ source }: SyncFixture, text: string) {
  const client = new pg.Client(source.url)
  await client.connect()
  await client.query(text)
  await client.end()
}

it('rejects local times without a zone for a pipeline that never ran, and says what to set', async () => {
  await using at = await open('America/Sao_Paulo')
  await expect(at.sync(options)).rejects.toMatchObject({
    code: 'CONFIG_MISSING',
    message: expect.stringMatching(
      /^The times in updated_at of st have no time zone and may be local ones: its default is now\(\), and the time zone there is America\/Sao_Paulo\. Set .*--changed-at-zone/,
    ),
  })
  expect(await at.target.query('select * from tt')).toEqual([])
})

it.each(['America/Sao_Paulo', 'Asia/Kolkata', 'UTC'])(
  'finds changes stamped in the local time of %s',
  async (zone) => {
    await using at = await open(zone)
    expect(await at.sync(inZone(zone))).toMatchObject({ loadType: 'full', rowsInserted: 1 })
    await inDatabaseZone(
      at,
      `insert into st values (2, 'b'); update st set v = 'c', updated_at = now() where id = 1`,
    )

    const report = await at.sync(inZone(zone))

    expect(report).toMatchObject({ loadType: 'incremental', rowsInserted: 1, rowsUpdated: 1, warnings: [] })
    expect(report.marginUsedSeconds ?? 0).toBeLessThan(60)
    expect(await readTexts(at.target, 'select * from tt order by id')).toEqual(
      await readTexts(at.source, 'select * from st order by id'),
    )
    await at.sync(inZone(zone))
    expect(await at.sync(inZone(zone))).toMatchObject({ loadType: 'incremental', warnings: [] })
  },
)

it('goes on with a warning where a pipeline has run before', async () => {
  await using at = await open('America/Sao_Paulo')
  await at.sync(inZone('UTC'))
  // As a release left it that had no such option.
  const [state] = await readTexts(at.target, 'select state from etl_control')
  await at.target.query('truncate etl_control')
  await at.target.query(
    `insert into etl_control (pipeline, load_type, status, completed_at, fingerprint, state) values ('p', 'full', 'success', now(), 'x', $1)`,
    [state?.[0]],
  )
  const report = await at.sync(options)
  expect(report.warnings).toMatchObject([
    {
      code: 'CHANGED_AT_ZONE_UNKNOWN',
      message: expect.stringContaining('set changedAtZone to America/Sao_Paulo, or to UTC'),
    },
  ])
  expect((await at.sync(inZone('UTC'))).warnings).toEqual([])
})

it.each([
  [
    'later than now',
    'UTC',
    `now() at time zone 'Asia/Kolkata'`,
    'the newest of them is later than now in UTC',
  ],
  [
    'the present of the local zone',
    'America/Sao_Paulo',
    `now() at time zone 'America/Sao_Paulo'`,
    'the newest of them is the present time of America/Sao_Paulo',
  ],
])(
  'is not fooled by a column without a default whose newest time is %s',
  async (_what, zone, stamp, reason) => {
    await using at = await open(zone, stamp, 'timestamp')
    await expect(at.sync(options)).rejects.toMatchObject({
      code: 'CONFIG_MISSING',
      message: expect.stringContaining(reason),
    })
  },
)

it.each([
  ['times in UTC by default', 'America/Sao_Paulo', 'default', `timestamp default (now() at time zone 'UTC')`],
  ['times with a time zone', 'America/Sao_Paulo', 'default', 'timestamptz default now()'],
  ['a database in UTC', 'UTC', 'default', 'timestamp default now()'],
  ['times of last year', 'America/Sao_Paulo', `'2025-11-11'`, 'timestamp'],
])('asks nothing of a source with %s', async (_what, zone, stamp, type) => {
  await using at = await open(zone, stamp, type)
  expect(await at.sync(options)).toMatchObject({ rowsInserted: 1, warnings: [] })
})

it('rejects a time zone that a server does not know', async () => {
  await using at = await open('UTC')
  await expect(at.sync(inZone('America/Springfield'))).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('relation.changedAtZone is "America/Springfield"'),
  })
})

it('finds a change of the hour that comes twice when clocks are set back', async () => {
  await using at = await openEmptySync()
  // At 06:00 UTC of that day clocks went from 02:00 back to 01:00; this was stamped ten minutes after it.
  await at.source.query(`create table st as select 1 as id, timestamp '2025-11-02 01:10' as updated_at`)
  const column = { name: 'updated_at', definition: { kind: 'timestamp' } } as const
  const found = async (low: string, changedAtZone: string) => {
    const condition = changedSince({ changedAt: column, changedAtZone }, Date.parse(low) * 1000)
    const { sql: text, parameters } = compile(sql`select 1 from st r where ${condition}`)
    return (await at.source.query(text, [...parameters])).length
  }
  expect(await found('2025-11-02T05:50:00Z', 'America/New_York')).toBe(1)
  expect(await found('2025-11-02T06:11:00Z', 'America/New_York')).toBe(0)
  expect(await found('2025-11-02T06:09:00Z', 'America/New_York')).toBe(1)
})
