import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { migrate, type MigrateOptions, type MigrateResult } from '../../lib/postgres/migrate/migrate.js'
import { openMigrationFixture } from '../fixtures/migration-fixture.js'
import { builtFile } from '../setup/built-file.js'
import { openPool } from '../setup/pool.js'

let at: Awaited<ReturnType<typeof openMigrationFixture>>
beforeEach(async () => {
  at = await openMigrationFixture()
})
afterEach(() => at[Symbol.asyncDispose]())

const migrateHere = (more: Partial<MigrateOptions> = {}) =>
  migrate({ target: at.target, directory: at.directory, ...more })

describe('migrate', () => {
  it('applies what is pending, returns what it applied, and then has nothing to do', async () => {
    await at.add('1_create_a', 'create table a (id integer)')
    expect(await migrateHere()).toEqual({
      applied: ['1_create_a'],
      pending: 0,
      alreadyApplied: 0,
      notes: [],
    })
    await at.add('3_create_c', 'create table c (id integer)')
    await at.add('2_create_b', 'create table b (id integer)')
    expect(await migrateHere()).toEqual({
      applied: ['2_create_b', '3_create_c'],
      pending: 0,
      alreadyApplied: 1,
      notes: [],
    })
    expect(await migrateHere()).toEqual({
      applied: [],
      pending: 0,
      alreadyApplied: 3,
      notes: [],
    })
    expect(await at.tables()).toEqual(['a', 'b', 'c', 'schema_migrations'])
  })

  it('returns what changes for a target that an earlier release has filled', async () => {
    await at.add('1_create_a', '-- note: a is new.\ncreate table a (id integer)')
    expect((await migrateHere()).notes).toEqual([])
    await at.add('2_create_b', '-- note: b is new.\n-- note: a is old.\ncreate table b (id integer)')
    expect((await migrateHere()).notes).toEqual(['b is new.', 'a is old.'])
    expect((await migrateHere()).notes).toEqual([])
  })

  it('applies a migration that was merged late', async () => {
    await at.add('2_create_b', 'create table b (id integer)')
    await migrateHere()
    await at.add('1_create_a', 'create table a (id integer)')
    expect((await migrateHere()).applied).toEqual(['1_create_a'])
  })

  it('accepts a configuration or a pool, whose connections it does not use', async () => {
    await at.add('1_create_a', 'create table a (id integer)')
    const { host, port, user, password, database: name } = at.client
    const options = { host, port, user, password, database: name, options: '-c search_path=pg_temp', max: 1 }
    const pool = openPool(options)
    const held = await pool.connect()
    // The pool does not wait until its connections are closed; dropping the database then ends one with an error.
    held.on('error', () => undefined)
    expect((await migrateHere({ target: pool })).applied).toEqual(['1_create_a'])
    expect((await migrateHere({ target: options })).alreadyApplied).toBe(1)
    await held.query('select 1')
    held.release()
    await pool.end()
    expect(await at.tables()).toEqual(['schema_migrations'])
  })

  it(
    'lets one of three processes at once apply each migration, whatever lies in their working folder',
    { timeout: 120_000 },
    async () => {
      await at.add('1_create_a', 'create table a (id integer); select pg_sleep(0.3)')
      // Waits for every other transaction of the database, so nobody may wait inside one.
      await at.add('2_index_a', 'create index concurrently on a (id)', 'transaction:false')
      await at.add('3_create_b', 'create table b (id integer)')
      await writeFile(join(at.directory, '.env'), 'DBMATE_DRIVER=mysql\n')
      const results = await Promise.all([1, 2, 3].map(() => migrateInChild()))

      expect(results.flatMap(({ applied }) => applied).sort()).toEqual([
        '1_create_a',
        '2_index_a',
        '3_create_b',
      ])
      expect(results.map(({ pending }) => pending)).toEqual([0, 0, 0])
      expect(await at.versions()).toEqual(['1', '2', '3'])
    },
  )

  it('never creates the database', async () => {
    await at.add('1_create_a', 'create table a (id integer)')
    const target = new URL(at.target)
    target.pathname = `/${at.name}_missing`
    await expect(migrateHere({ target: target.href })).rejects.toMatchObject({
      code: 'TARGET_DATABASE_MISSING',
    })
    const { rows } = await at.client.query('select from pg_database where datname = $1', [
      `${at.name}_missing`,
    ])
    expect(rows).toEqual([])
  })
})

describe('a migration that fails', () => {
  it('is rolled back and named, without what a function or a value said', async () => {
    await at.add('1_create_a', 'create table a (id integer)')
    await at.add(
      '2_break',
      `create table b (id integer);\n do $$ begin raise exception 'password=x for me@example.com'; end $$`,
    )
    await at.add('3_create_c', 'create table c (id integer)')
    await expect(migrateHere()).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringMatching(
        /^The migration 2_break failed: an error whose words can quote a value \(SQLSTATE P0001\)\. Look at the server's log/,
      ),
      details: { version: '2', sqlState: 'P0001', applied: ['1_create_a'] },
    })
    expect(await at.tables()).toEqual(['a', 'schema_migrations'])
    expect(await at.versions()).toEqual(['1'])
  })

  it('shows no value of a row', async () => {
    await at.add('1_fill', `create table people (age text); insert into people values ('Maria Souza')`)
    await at.add('2_convert', 'alter table people alter column age type integer using age::integer')
    const failed = await migrateHere().catch((error: unknown) => error)
    expect(failed).toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringMatching(/2_convert failed: a value did not fit \(SQLSTATE 22P02\)\./),
      remedy: expect.stringContaining("server's log"),
      details: { version: '2', sqlState: '22P02' },
    })
    expect(JSON.stringify(failed)).not.toContain('Souza')
  })

  it('says so for a syntax error and for a file without its way back', async () => {
    await at.add('1_break', 'creat table a ()')
    await expect(migrateHere()).rejects.toThrow(
      /^The migration 1_break failed: syntax error at or near "creat" at position 2:1 \(42601\)\./,
    )
    await writeFile(join(at.directory, '1_break.sql'), '-- migrate:up\nselect 1;\n')
    await expect(migrateHere()).rejects.toThrow(/1_break failed: .*down block/)
  })

  it('names the grant when the role may not create tables', async () => {
    await at.add('1_create_a', 'create table a (id integer)')
    const user = `Odd "role" ${at.name}`
    const role = at.client.escapeIdentifier(user)
    const password = `p@ss:w/ö rd%#?&'"$`
    await at.client.query(`create role ${role} login password ${at.client.escapeLiteral(password)}`)
    await at.client.query('revoke create on schema public from public')
    const target = { host: at.client.host, port: at.client.port, database: at.name, user, password }
    const refused = await migrateHere({ target }).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'TARGET_FORBIDDEN',
      message: expect.stringContaining(`grant create on schema public to ${role}`),
    })
    await at.client.query(`grant create on schema public to ${role}`)
    expect((await migrateHere({ target })).applied).toEqual(['1_create_a'])
    await at.client.query(`drop owned by ${role}`)
    await at.client.query(`drop role ${role}`)
  })
})

describe('what it needs', () => {
  it('is the binary of dbmate, but only when something is pending', async () => {
    await at.add('1_create_a', 'create table a (id integer)')
    vi.doMock('dbmate', () => ({
      resolveBinary: () => {
        throw new Error('Unable to locate dbmate binary')
      },
    }))
    await expect(migrateHere()).rejects.toMatchObject({
      code: 'CONFIG_MISSING',
      message: expect.stringContaining('npm package dbmate'),
    })
    vi.doUnmock('dbmate')
    await migrateHere()
    vi.doMock('dbmate', () => {
      throw new Error('not installed')
    })
    expect((await migrateHere()).alreadyApplied).toBe(1)
    vi.doUnmock('dbmate')
  })

  it('is a folder with migrations, each version once', async () => {
    const refused = { code: 'CONFIG_INVALID' }
    await expect(migrateHere()).rejects.toMatchObject(refused)
    await expect(migrateHere({ directory: `${at.directory}/no` })).rejects.toMatchObject(refused)
    await at.add('1_a', 'select 1')
    await at.add('1_b', 'select 1')
    await expect(migrateHere()).rejects.toThrow(/1_a and 1_b .* same version/)
  })
})

async function migrateInChild(): Promise<MigrateResult> {
  const code = `
    import { migrate } from ${JSON.stringify(pathToFileURL(builtFile('lib/postgres/migrate/migrate.ts')).href)}
    console.log(JSON.stringify(await migrate(${JSON.stringify({ target: at.target, directory: at.directory })})))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    cwd: at.directory,
    env: {},
  })
  return JSON.parse(stdout) as MigrateResult
}
