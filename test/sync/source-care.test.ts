import { randomBytes } from 'node:crypto'

import pg from 'pg'
import { expect, it, vi } from 'vitest'

import { silentLogger } from '../../lib/domain/logger.js'
import type { SyncOptions } from '../../lib/options.js'
import {
  differences,
  openEmptySync,
  openLargeSync,
  openSync,
  readTexts,
  type SyncFixture,
} from '../fixtures/sync-fixture.js'
import { chatwootSize, largeSize } from '../setup/templates.js'
import { openPool } from '../setup/pool.js'
import { share } from '../setup/share.js'

const relation = { name: 'items', key: 'id', changedAt: 'updated_at' }
const own = { relation, table: 'items', maxDeleteShare: 1 } satisfies Partial<SyncOptions>

/** Items of which a run reads enough batches for every renewal that is asked for. */
const many = share(600, 2000)

/** So many items in the source, none in the target. */
async function openItems(): Promise<SyncFixture> {
  const at = await openEmptySync()
  const columns = 'id integer primary key, payload text not null, updated_at timestamp not null'
  await at.source.query(`create table items (${columns})`)
  await at.source.query(
    `insert into items
     select id, 'first', now() at time zone 'UTC' - interval '1 day'
     from generate_series(1, ${many}) id`,
  )
  await at.target.query(`create table items (${columns}, deleted_at timestamptz)`)
  return at
}

/** Keys in which live rows of the target differ from the source. */
async function unequal({ source, target }: SyncFixture): Promise<(string | null)[]> {
  const columns = 'id, payload, updated_at'
  const [here, there] = await Promise.all([
    readTexts(source, `select ${columns} from items`),
    readTexts(target, `select ${columns} from items where deleted_at is null`),
  ])
  const [ours, theirs] = [here, there].map((rows) => new Set(rows.map((row) => row.join('|'))))
  return [...(ours ?? [])]
    .filter((row) => !theirs?.has(row))
    .concat([...(theirs ?? [])].filter((row) => !ours?.has(row)))
}

/** A clock that the first eight batches move, so that how many snapshots a run needs does not depend on how fast it reads. */
function clockOfProgress() {
  const now = performance.now.bind(performance)
  let moves = 0
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => now() + moves * 600_000)
  return {
    moveOn: () => {
      moves = Math.min(moves + 1, 8)
    },
    [Symbol.dispose]: () => {
      spy.mockRestore()
    },
  }
}

/** Changes before and behind the key that a run has reached: rows that change, go, come, and move to another place. */
const changes = (turn: number) => [
  `update items set payload = 'turn ${turn}', updated_at = clock_timestamp() at time zone 'UTC' where id % 97 = ${turn % 97}`,
  `delete from items where id % 101 = ${turn % 101}`,
  `insert into items values (${-turn}, 'behind', clock_timestamp() at time zone 'UTC'), (${5000 + turn}, 'before', clock_timestamp() at time zone 'UTC')`,
  `update items set id = -1000 - id, updated_at = clock_timestamp() at time zone 'UTC' where id = ${many - 10 - turn}`,
]

it.each([
  ['by COPY', {}],
  ['through a cursor', { extractor: 'cursor' }],
  ['by COPY over a pool', { isPool: true }],
  ['over three connections', { parallel: 3, leastRenewals: 3 }],
] as const)(
  'goes on under one snapshot after the other, %s, and loses nothing that is written meanwhile',
  async (_, given) => {
    await using at = await openItems()
    const { isPool, leastRenewals, ...more } = { isPool: false, leastRenewals: 6, ...given }
    const pool = openPool({ connectionString: at.source.url, max: 2 })
    const said: string[] = []
    const logger = { ...silentLogger, info: (message: string) => void said.push(message) }
    let turn = 0
    let writing: Promise<unknown> = Promise.resolve()
    using clock = clockOfProgress()
    const onProgress = () => {
      clock.moveOn()
      turn += 1
      const statements = changes(turn)
      writing = writing.then(async () => {
        for (const statement of statements) await at.source.query(statement)
      })
    }
    const options = { ...own, ...more, source: isPool ? pool : at.source.url, logger, onProgress }

    const first = await at.sync({ ...options, batchSize: 50, maxSnapshotSeconds: 60 })
    await writing

    expect(first).toMatchObject({ loadType: 'full', status: 'success' })
    const renewals = said.filter((message) => message === 'Continued under a new snapshot')
    expect(renewals.length).toBeGreaterThanOrEqual(leastRenewals)
    const gone = await at.source.query(`select count(*) from items`)
    expect(gone).not.toEqual([])
    // What was written meanwhile has stamps after the first snapshot; deletes leave none.
    await at.sync({ ...own, ...more })
    const left = await unequal(at)
    const live = await readTexts(at.source, 'select id from items')
    const ids = new Set(live.map(([id]) => id))
    expect(left.filter((row) => ids.has(row?.split('|')[0] ?? ''))).toEqual([])
    expect(await at.sync({ ...own, loadType: 'full' })).toMatchObject({ rowsInserted: 0, rowsUpdated: 0 })
    expect(await unequal(at)).toEqual([])
    await pool.end()
  },
)

it('marks what was deleted behind the key, although as many rows came before it', async () => {
  await using at = await openItems()
  let isDone = false
  let writing: Promise<unknown> = Promise.resolve()
  const onProgress = () => {
    if (isDone) return
    isDone = true
    writing = at.source.query(`
      with gone as (delete from items where id = 1 returning payload)
      insert into items select 9000, payload, now() at time zone 'UTC' from gone`)
  }
  await at.sync({ ...own, batchSize: 50, maxSnapshotSeconds: 0.001, maxRowsPerSecond: 2000, onProgress })
  await writing
  expect(await unequal(at)).toEqual([])
})

it('reads the changes of an incremental run under several snapshots as well', async () => {
  const [open, conversations, batchSize] = share([openSync, chatwootSize, 10], [openLargeSync, largeSize, 40])
  await using at = await open()
  await at.sync()
  await at.source.query(`update conversations set priority = 1, updated_at = now() at time zone 'UTC'`)
  const said: string[] = []
  const logger = { ...silentLogger, info: (message: string) => void said.push(message) }
  using clock = clockOfProgress()
  const report = await at.sync({ batchSize, maxSnapshotSeconds: 60, logger, onProgress: clock.moveOn })
  expect(report).toMatchObject({ loadType: 'incremental', rowsExtracted: conversations })
  expect(said.filter((message) => message === 'Continued under a new snapshot').length).toBeGreaterThan(2)
  expect(await differences(at)).toEqual([])
})

it('fails when the source changes between two snapshots', async () => {
  await using at = await openSync()
  let changing: Promise<unknown> | undefined
  const onProgress = () => {
    changing ??= at.source.query('alter table messages alter column private type text using private::text')
  }
  // The change waits for the first snapshot to end, and the next one for the change. A read that is slow enough needs more than one.
  const running = at.sync({ batchSize: 20, maxRowsPerSecond: 40, maxSnapshotSeconds: 0.001, onProgress })
  await expect(running).rejects.toMatchObject({
    code: expect.stringMatching(/SCHEMA_CHANGED|COLUMN_TYPE_MISMATCH/),
  })
  await changing
  await expect(at.sync()).rejects.toMatchObject({ code: 'COLUMN_TYPE_MISMATCH' })
})

it.each([1, 4])('reads no more rows in a second than it may, over %i connections', async (parallel) => {
  await using at = await openItems()
  const maxRowsPerSecond = (many * 3) / 4
  const report = await at.sync({ ...own, parallel, batchSize: many / 4, maxRowsPerSecond })
  expect(report.rowsExtracted).toBe(many)
  // The first second's rows may come at once.
  expect(report.durationSeconds).toBeGreaterThan((many - maxRowsPerSecond) / maxRowsPerSecond)
  const stop = new AbortController()
  const waiting = at.sync({ ...own, parallel, loadType: 'full', maxRowsPerSecond: 1, signal: stop.signal })
  setTimeout(() => stop.abort(), 300)
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
})

it('gives up on a lock of somebody else, and says what it waited for', async () => {
  await using at = await openSync()
  const upgrade = new pg.Client(at.source.url)
  await upgrade.connect()
  await upgrade.query('begin; lock table messages in access exclusive mode')
  await expect(at.sync({ lockTimeout: 50 })).rejects.toMatchObject({ details: { sqlState: '55P03' } })
  await upgrade.end()
  await vi.waitFor(async () => expect(await at.sync()).toMatchObject({ rowsInserted: chatwootSize }), 120_000)
})

it('cannot be made to write to the source by what it reads', async () => {
  await using at = await openItems()
  await at.source.query('create table written (id integer)')
  await at.source.query(
    `create function write() returns text language sql as 'insert into written values (1) returning id::text'`,
  )
  await at.source.query(
    'create view trap as select id, coalesce(payload, write()) || write() as payload, updated_at from items',
  )
  const trap = { ...own, relation: { ...relation, name: 'trap' } }
  await expect(at.sync(trap)).rejects.toMatchObject({ details: { sqlState: '25006' } })
  expect(await at.source.query('select * from written')).toEqual([])
})

it('makes the source write no temporary file, however little memory it may use', async () => {
  await using at = await openSync()
  const role = `frugal_${randomBytes(6).toString('hex')}`
  await at.source.query(`create role ${role} login superuser password 'x'`)
  try {
    await at.source.query(`alter role ${role} set work_mem = '1MB'`)
    const source = new URL(at.source.url)
    Object.assign(source, { username: role, password: 'x' })
    await at.source.query('vacuum analyze')
    await at.sync({ source: source.href })
    await at.source.query(`update conversations set updated_at = now() at time zone 'UTC' where id % 3 = 0`)
    await at.sync({ source: source.href })
    await at.source.query('delete from conversations where id < 9')
    expect(await at.sync({ source: source.href, loadType: 'full' })).toMatchObject({ rowsDeleted: 8 })
    const files = async () =>
      (
        await at.source.query(
          `select temp_files::integer as files from pg_stat_database where datname = current_database()`,
        )
      )[0]
    expect(await files()).toEqual({ files: 0 })
  } finally {
    await at.source.query(`drop role ${role}`)
  }
})
