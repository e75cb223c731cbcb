import pg from 'pg'
import { expect, it, vi } from 'vitest'

import type { Retry } from '../../lib/index.js'
import { retryBudget, runAndMend } from '../fixtures/provoked-fixture.js'
import { differences, openSync } from '../fixtures/sync-fixture.js'
import { openPool } from '../setup/pool.js'
import { waitingLocks } from '../setup/database.js'

const database = ({ name }: { name: string }) => pg.escapeIdentifier(name)

it('waits out a lock (55P03)', async () => {
  await using at = await openSync()
  const blocker = new pg.Client(at.target.url)
  await blocker.connect()
  await blocker.query('begin; lock table conversas_analytics in share mode')

  const { warning, told } = await runAndMend(at, () => blocker.end(), { lockTimeout: 50 })

  expect(warning).toContain('TARGET_TIMED_OUT (55P03)')
  expect(told[0]).toMatchObject({ code: 'TARGET_TIMED_OUT', failures: 1 })
})

it('goes on after a deadlock (40P01)', async () => {
  await using at = await openSync()
  await at.sync()
  await at.target.query('delete from etl_control')
  await at.target.query(
    `update conversas_analytics set account_name = 'stale' where conversation_id in (5, 110)`,
  )
  await at.target.query(`alter database ${database(at.target)} set deadlock_timeout = '1s'`)
  const other = new pg.Client(at.target.url)
  await other.connect()
  // Whoever looks first gives way: the run, then.
  await other.query(`set deadlock_timeout = '1h'`)
  await other.query('begin')
  const touch = (id: number) =>
    other.query(`update conversas_analytics set labels = labels where conversation_id = ${id}`)
  await touch(110)
  const crossing = vi
    .waitFor(async () => expect(await at.target.query(waitingLocks)).not.toHaveLength(0), {
      timeout: 120_000,
      interval: 20,
    })
    .then(() => touch(5))

  const { warning } = await runAndMend(at, () => crossing.then(() => other.query('rollback')))

  expect(warning).toContain('(40P01)')
  await other.end()
})

it('goes on after a serialization failure (40001)', async () => {
  await using at = await openSync()
  // A run writes under read committed, where only what an owner adds to the table can fail like this.
  await at.target.query(`
    create sequence attempts;
    create function conflict() returns trigger language plpgsql as $$
      begin
        if nextval('attempts') = 1 then
          raise exception 'could not serialize access' using errcode = 'serialization_failure';
        end if;
        return null;
      end $$;
    create trigger conflict after insert on conversas_analytics execute function conflict()`)

  const { warning, told } = await runAndMend(at, async () => undefined)

  expect(warning).toContain('TARGET_FAILED (40001) once')
  expect(told[0]?.message).toContain('passes by itself')
})

it('waits for a free connection (53300)', async () => {
  await using at = await openSync()
  const role = `limited_${at.source.name}`
  await at.source.query(`create role ${role} login password 'x' connection limit 0`)
  await at.source.query(`grant pg_read_all_data to ${role}`)
  const source = Object.assign(new URL(at.source.url), { username: role, password: 'x' }).href

  const mend = () => at.source.query(`alter role ${role} connection limit 5`)
  const { warning, told } = await runAndMend(at, mend, { source })

  expect(warning).toContain('SOURCE_UNREACHABLE (53300)')
  expect(told[0]?.message).toContain('max_connections')
  await at.source.query(`drop owned by ${role}`)
  await at.source.query(`drop role ${role}`)
})

it('waits a little for a target that may be written again (25006)', async () => {
  await using at = await openSync()
  await at.target.query(`alter database ${database(at.target)} set default_transaction_read_only = on`)
  const mended = openPool({
    connectionString: at.target.url,
    options: '-c default_transaction_read_only=off',
  })
  await expect(at.sync({ retryBudget })).rejects.toMatchObject({
    code: 'TARGET_READ_ONLY',
    message: expect.stringContaining('primary'),
  })

  await mended.query(`alter database ${database(at.target)} set default_transaction_read_only = off`)

  expect(await at.sync()).toMatchObject({ status: 'success' })
  await mended.end()
})

it('takes smaller batches after a statement that took too long (57014)', async () => {
  await using at = await openSync()
  await at.source.query('delete from conversations where id > 120')
  await at.target.query(`
    create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.02); return new; end';
    create trigger slow before insert on conversas_analytics for each row execute function slow()`)

  // 100 rows take two seconds, a quarter of them half a second.
  const { report, warning } = await runAndMend(at, async () => undefined, {
    statementTimeout: 1200,
    batchSize: 100,
  })

  expect(warning).toContain('TARGET_TIMED_OUT (57014)')
  expect(report.rowsInserted).toBe(report.rowsExtracted)
})

it.each(['source', 'target'] as const)(
  'goes on after the connection to the %s was ended (57P01)',
  async (side) => {
    await using at = await openSync()
    // The run waits in the middle of its rows until the connection was ended.
    const blocker = new pg.Client(at.target.url)
    await blocker.connect()
    await blocker.query('select pg_advisory_lock(1)')
    await at.target.query(`
      create function wait() returns trigger language plpgsql as
        'begin if new.conversation_id > 200 then perform pg_advisory_xact_lock_shared(1); end if; return new; end';
      create trigger wait before insert on conversas_analytics for each row execute function wait()`)
    const ended: Promise<unknown>[] = []
    const end = async () => {
      await at[side].query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'chatwoot-sync'`)
      await blocker.end()
    }
    const onProgress = () => {
      if (ended.length === 0) ended.push(end())
    }
    const slow = side === 'source' ? { extractor: 'cursor' as const } : {}

    const { warning, report } = await runAndMend(at, async () => undefined, {
      onProgress,
      batchSize: 20,
      ...slow,
    })

    expect(warning).toMatch(new RegExp(`${side.toUpperCase()}_UNREACHABLE`))
    expect(report.rowsInserted).toBe(report.rowsExtracted)
    await Promise.all(ended)
  },
)

it('does not resolve a name (ENOTFOUND, or EAI_AGAIN without a name server)', async () => {
  await using at = await openSync()
  const told: Retry[] = []
  const source = Object.assign(new URL(at.source.url), { hostname: 'no-such-host.invalid' }).href
  await expect(
    at.sync({ source, retryBudget: 200, onRetry: (retry) => void told.push(retry) }),
  ).rejects.toMatchObject({
    code: 'SOURCE_UNREACHABLE',
    details: { socketError: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) },
  })
  expect(told.length).toBeGreaterThan(0)
})

it('refuses a password that was changed, unless it is asked for at each connection (28P01)', async () => {
  await using at = await openSync()
  const role = `changing_${at.source.name}`
  await at.source.query(`create role ${role} login password 'old'`)
  await at.source.query(`grant pg_read_all_data to ${role}`)
  const { hostname, port, pathname } = new URL(at.source.url)
  const address = { host: hostname, port: Number(port), database: pathname.slice(1), user: role }
  let current = 'old'
  const change = async () => {
    await at.source.query(`alter role ${role} password 'new'`)
    await at.source.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`)
  }
  const whileReading = () => {
    let changing: Promise<unknown> | undefined
    const onProgress = () => void (changing ??= change())
    return { onProgress, batchSize: 20, extractor: 'cursor' as const, retryBudget }
  }
  await expect(at.sync({ source: { ...address, password: 'old' }, ...whileReading() })).rejects.toMatchObject(
    {
      code: 'SOURCE_AUTH_FAILED',
    },
  )
  await at.source.query(`alter role ${role} password 'old'`)
  const source = { ...address, password: () => current }
  const onRetry = () => {
    current = 'new'
  }

  expect(await at.sync({ source, ...whileReading(), onRetry, loadType: 'full' })).toMatchObject({
    status: 'success',
  })

  expect(await differences(at)).toEqual([])
  await at.source.query(`drop owned by ${role}`)
  await at.source.query(`drop role ${role}`)
})

it('stops at once when it is told to while it waits', async () => {
  await using at = await openSync()
  const stop = new AbortController()
  const source = Object.assign(new URL(at.source.url), { port: '1' }).href
  const run = at.sync({ source, retryBudget, signal: stop.signal, onRetry: () => stop.abort() })
  await expect(run).rejects.toMatchObject({ code: 'ABORTED' })
  expect(await at.target.query('select status, error_code from etl_control')).toEqual([
    { status: 'failed', error_code: 'ABORTED' },
  ])
})

it('ends with LOCK_LOST when another run took over while it had no connection', async () => {
  await using at = await openSync()
  let done: Promise<unknown> | undefined
  const onProgress = () => {
    done ??= at.target
      .query(`update etl_control set status = 'failed', error_code = 'INTERRUPTED', completed_at = now()`)
      .then(() =>
        at.target.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'chatwoot-sync'`),
      )
  }
  await expect(at.sync({ retryBudget, onProgress, batchSize: 20 })).rejects.toMatchObject({
    code: 'LOCK_LOST',
  })
  await done
})
