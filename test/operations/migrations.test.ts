import { execFile } from 'node:child_process'
import { copyFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { resolveBinary } from 'dbmate'
import { expect, it } from 'vitest'

import { migrate } from '../../lib/postgres/migrate/migrate.js'
import { migrationUrl } from '../../lib/postgres/migrate/url.js'
import { describeSchema } from '../fixtures/describe-schema.js'
import { openMigrationFixture } from '../fixtures/migration-fixture.js'

const directory = fileURLToPath(new URL('../../db/migrations/', import.meta.url))
const shipped = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort()

it(
  'the migrations of the package go up, down and up again to the same schema',
  { timeout: 120_000 },
  async () => {
    await using at = await openMigrationFixture()
    const { applied } = await migrate({ target: at.target })
    expect(applied.map((name) => `${name}.sql`)).toEqual(shipped)
    const schema = await describeSchema(at.client)

    const env = {
      DATABASE_URL: await migrationUrl(at.client, { applicationName: 'test', folder: at.directory }),
    }
    const down = ['--migrations-dir', directory, '--no-dump-schema', 'rollback']
    for (const _ of applied) await promisify(execFile)(resolveBinary(), down, { env, cwd: at.directory })
    expect((await describeSchema(at.client)).filter((line) => !line.includes('schema_migrations'))).toEqual(
      [],
    )

    expect((await migrate({ target: at.target })).applied).toEqual(applied)
    expect(await describeSchema(at.client)).toEqual(schema)
    // Whatever the session of its caller has on its path, and whoever may create there.
    const { rows } = await at.client.query<{ name: string; path: string | null }>(`
      select p.proname as name, substring(array_to_string(p.proconfig, ';') from 'search_path=([^;]*)') as path
      from pg_proc p
      where p.pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)`)
    expect(rows.length).toBeGreaterThan(2)
    expect(rows.filter(({ path }) => path === null || !path.startsWith('pg_catalog'))).toEqual([])
  },
)

it('a target of an earlier release gets the same schema, by migrations that come before its own too', async () => {
  await using fresh = await openMigrationFixture()
  await migrate({ target: fresh.target })
  await using at = await openMigrationFixture()
  // Those that prepare the tables of the Python pipeline, and what was added since.
  const isLater = (file: string) => /_python_/.test(file) || file >= '20261126200000'
  const earlier = shipped.filter((file) => !isLater(file))
  expect(earlier.length).toBeGreaterThan(15)
  for (const file of earlier) await copyFile(join(directory, file), join(at.directory, file))
  await migrate({ target: at.target, directory: at.directory })
  await at.client.query(
    `insert into etl_control (status, load_type, completed_at, fingerprint) values ('success', 'full', now(), 'x')`,
  )
  const { applied } = await migrate({ target: at.target })
  expect(applied.map((name) => `${name}.sql`)).toEqual(shipped.filter(isLater))
  expect(await describeSchema(at.client)).toEqual(await describeSchema(fresh.client))
  expect((await at.client.query('select from etl_control')).rowCount).toBe(1)
})
