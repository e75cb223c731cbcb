import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
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
  },
)
