import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { migrate, type MigrateOptions } from '../../lib/postgres/migrate/migrate.js'
import { openMigrationFixture } from '../fixtures/migration-fixture.js'

let at: Awaited<ReturnType<typeof openMigrationFixture>>
beforeEach(async () => {
  at = await openMigrationFixture()
})
afterEach(() => at[Symbol.asyncDispose]())

const migrateHere = (more: Partial<MigrateOptions> = {}) =>
  migrate({ target: at.target, directory: at.directory, ...more })

describe('a running migration', { timeout: 120_000 }, () => {
  const slow = 'create table a (id integer); select pg_sleep(600)'

  it('is rolled back by the signal before the lock is released', async () => {
    await at.add('1_create_b', 'create table b (id integer)')
    await at.add('2_slow', slow)
    const stop = new AbortController()
    const migrating = migrateHere({ signal: stop.signal })
    await at.untilOthers('pg_sleep', 1)
    stop.abort()
    await expect(migrating).rejects.toMatchObject({ code: 'ABORTED', details: { applied: ['1_create_b'] } })
    expect(await at.tables()).toEqual(['b', 'schema_migrations'])
    expect(await at.others('pg_sleep')).toEqual([])
  })

  it('of another process is waited for until the signal', async () => {
    await at.add('1_create_a', 'create table a (id integer)')
    await at.client.query(`select pg_advisory_lock(hashtextextended('chatwoot-sync migrate', 0))`)
    const stop = new AbortController()
    const migrating = migrateHere({ signal: stop.signal })
    await at.untilOthers('pg_try_advisory_lock', 1)
    stop.abort()
    await expect(migrating).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(migrateHere({ signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    expect(await at.tables()).toEqual([])
  })

  it('shows no password to other users of the machine', async () => {
    await at.add('1_slow', slow)
    const stop = new AbortController()
    const migrating = migrateHere({ signal: stop.signal }).catch((error: unknown) => error)
    await at.untilOthers('pg_sleep', 1)
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'args'])
    stop.abort()
    await migrating
    const commands = stdout.split('\n').filter((line) => line.includes(at.directory))
    expect(commands).toHaveLength(1)
    expect(commands[0]).not.toContain('postgres:')
  })

  it('is stopped when the connection with the lock is lost', async () => {
    await at.add('1_slow', slow)
    const migrating = migrateHere().catch((error: unknown) => error)
    await at.untilOthers('pg_sleep', 1)
    await at.client.query(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`)
    expect(await migrating).toMatchObject({ code: 'LOCK_LOST' })
    const orphans = await at.others('pg_sleep')
    await at.client.query('select pg_terminate_backend(pid) from unnest($1::integer[]) as pid', [orphans])
    await at.untilOthers('pg_sleep', 0)
    expect(await at.tables()).toEqual(['schema_migrations'])
  })
})
