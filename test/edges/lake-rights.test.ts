import { randomBytes } from 'node:crypto'

import { expect, it } from 'vitest'

import { checkHealth, migrate, replicateToLake } from '../../lib/index.js'
import { copyEarlierMigrations } from '../fixtures/earlier-migrations.js'
import { lakeDifferences, openLake, openPlace } from '../fixtures/lake-fixture.js'
import { openMigrationFixture } from '../fixtures/migration-fixture.js'
import { MarkdownPage } from '../fixtures/markdown-page.js'
import { openTenants } from '../fixtures/tenants-fixture.js'
import type { TestDatabase } from '../setup/database.js'

/** A role that may log in and has no right yet. */
async function openRole(target: TestDatabase) {
  const user = `role_${randomBytes(6).toString('hex')}`
  await target.query(`create role ${user} login password 'secret'; grant usage on schema public to ${user}`)
  const url = new URL(target.url)
  url.username = user
  url.password = 'secret'
  return {
    user,
    url: url.href,
    [Symbol.asyncDispose]: async () => {
      await target.query(`drop owned by ${user}; drop role ${user}`)
    },
  }
}

it('whoever may change rows marks their months without a right to, and whoever may write lakes needs no right on the table but to read it', async () => {
  await using at = await openLake()
  await at.replicate()
  await using analyst = await openRole(at.target)
  await using writer = await openRole(at.target)
  await at.target.query(`
    grant select, update, delete on conversas_analytics to ${analyst.user};
    set role ${analyst.user};
    update conversas_analytics set contact_name = 'x' where conversation_id = 3;
    delete from conversas_analytics where conversation_id = 4;
    reset role`)
  expect(await at.marks()).toEqual(['2026-02', '2026-03'])

  await expect(at.replicate({ target: writer.url })).rejects.toMatchObject({ code: 'TARGET_FORBIDDEN' })
  const [grants = ''] = new MarkdownPage('docs/lake.md').blocks('sql')
  await at.target.query(grants.replaceAll('analytics_sync', writer.user))
  expect(await at.replicate({ target: writer.url })).toMatchObject({ months: ['2026-02', '2026-03'] })
  expect(await at.differences()).toEqual([])
  await using place = await openPlace()
  await expect(at.replicate({ target: writer.url, to: place.at('another') })).rejects.toMatchObject({
    code: 'TARGET_FORBIDDEN',
  })
  expect(await at.target.query('select 1 from etl_lakes')).toHaveLength(1)
})

it('who could read the history of runs before an upgrade can still ask for the health after it', async () => {
  await using at = await openMigrationFixture()
  await copyEarlierMigrations(at.directory)
  await migrate({ target: at.target, directory: at.directory })
  const user = `reader_${randomBytes(6).toString('hex')}`
  await at.client.query(`
    create role ${user};
    grant usage on schema public to ${user};
    grant select on etl_control, etl_verification, etl_rejects, vw_etl_health to ${user}`)
  try {
    await migrate({ target: at.target })
    await at.client.query(`set role ${user}`)
    expect((await at.client.query('select * from vw_etl_health')).rowCount).toBeGreaterThan(5)
    await at.client.query('reset role')
  } finally {
    await at.client.query(`reset role; drop owned by ${user}; drop role ${user}`)
  }
})

it('before migrate a lake says so, and health has no check of lakes', async () => {
  await using at = await openMigrationFixture()
  await copyEarlierMigrations(at.directory)
  await migrate({ target: at.target, directory: at.directory })
  await using place = await openPlace()
  await expect(replicateToLake({ target: at.target, to: place.at('lake') })).rejects.toMatchObject({
    code: 'TARGET_NOT_MIGRATED',
    remedy: expect.stringContaining('chatwoot-sync migrate'),
  })
  const { checks } = await checkHealth({ target: at.target })
  expect(
    checks.filter(({ name, outcome }) => name === 'lake' || outcome === 'critical').map(({ name }) => name),
  ).toEqual(['last-success'])
})

it('two tenants of one database have lakes of their own', async () => {
  await using at = await openTenants('tenant_a', `Loja "Centro" d'água`)
  await using place = await openPlace()
  for (const [index, { schema, sync, query }] of at.tenants.entries()) {
    await sync()
    const to = place.at(`it's lake ${index}`)
    const lake = { target: at.target.url, schema, to }
    await replicateToLake(lake)
    await query(`update our.conversas_analytics set contact_name = 'x' where conversation_id = 1`)
    expect(await query('select month from our.etl_lake_months')).toHaveLength(1)
    expect(await replicateToLake(lake)).toMatchObject({ version: 1, filesAdded: 1 })
    const ours = {
      ...at.target,
      query: async (text: string) => query(text.replace('from conversas', 'from our.conversas')),
    }
    expect(await lakeDifferences(ours as TestDatabase, to)).toEqual([])
  }
})
