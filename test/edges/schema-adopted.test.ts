import { describe, expect, it } from 'vitest'

import { checkHealth } from '../../lib/operations/health/check-health.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'
import { syncConversations } from '../../lib/sync.js'
import { describeSchema } from '../fixtures/describe-schema.js'
import { copyEarlierMigrations } from '../fixtures/earlier-migrations.js'
import { openMigrationFixture } from '../fixtures/migration-fixture.js'
import { openTenant, openTenants, throughPath } from '../fixtures/tenants-fixture.js'
import { cloneDatabase } from '../setup/database.js'

describe('tables that a search_path has put into a schema', () => {
  it('work without the option, and are adopted with it', async () => {
    await using target = await cloneDatabase('target', 'template1')
    await target.query('create schema tenant_b')
    const path = throughPath(target, 'tenant_b')
    const tenant = await openTenant(target, 'tenant_b')
    await using _ = tenant.source
    const { applied } = await migrate({ target: path })
    await syncConversations({ source: tenant.source.url, target: path })

    const adopted = await migrate({ target: target.url, schema: 'tenant_b' })
    expect(adopted).toMatchObject({ applied: [], alreadyApplied: applied.length })
    expect(adopted.notes).toHaveLength(1)
    expect(await migrate({ target: target.url, schema: 'tenant_b' })).toMatchObject({
      applied: [],
      notes: [],
    })
    expect(await migrate({ target: path })).toMatchObject({ applied: [], notes: [] })
    expect(await tenant.sync()).toMatchObject({ loadType: 'incremental', reason: null, rowsExtracted: 0 })
    expect(await syncConversations({ source: tenant.source.url, target: path })).toMatchObject({
      loadType: 'incremental',
      reason: null,
    })
    // The first one may use the path as before; who comes later is told to name a schema.
    await target.query('create schema tenant_c')
    await expect(migrate({ target: throughPath(target, 'tenant_c') })).rejects.toMatchObject({
      code: 'TARGET_NOT_MIGRATED',
      message: expect.stringContaining("--schema 'tenant_c'"),
    })
    await expect(migrate({ target: target.url, schema: 'public' })).rejects.toMatchObject({
      code: 'TARGET_NOT_MIGRATED',
    })
    expect(await migrate({ target: target.url, schema: 'tenant_c' })).toMatchObject({ applied })
  })

  it('of an earlier release are brought up to date, and end like new ones', async () => {
    await using at = await openMigrationFixture()
    const target = { url: at.target, name: at.name }
    await at.client.query('create schema tenant_b; create schema fresh')
    const path = throughPath(target, 'tenant_b')
    const earlier = await copyEarlierMigrations(at.directory)
    await migrate({ target: path, directory: at.directory })
    await using source = await cloneDatabase('source')
    await syncConversations({ source: source.url, target: path })

    const { applied, alreadyApplied } = await migrate({ target: at.target, schema: 'tenant_b' })
    expect(alreadyApplied).toBe(earlier)
    expect(applied[0]).toMatch(/^20261126/)
    const sync = () => syncConversations({ source: source.url, target: at.target, schema: 'tenant_b' })
    // The columns that were added are filled, once.
    expect(await sync()).toMatchObject({
      loadType: 'full',
      reason: 'the table has new columns, which a migration added',
      ...{ rowsInserted: 0, rowsDeleted: 0 },
    })
    expect(await sync()).toMatchObject({ loadType: 'incremental', rowsInserted: 0, rowsUpdated: 0 })
    await migrate({ target: at.target, schema: 'fresh' })
    const described = async (schema: string) =>
      (await describeSchema(at.client, schema)).map((line) => line.replaceAll(`${schema}.`, ''))
    expect(await described('tenant_b')).toEqual(await described('fresh'))
  })

  it('have those versions that are there, not those that another tenant has brought into the shared list', async () => {
    await using at = await openMigrationFixture()
    await at.client.query('create schema tenant_b')
    const path = throughPath({ url: at.target }, 'tenant_b')
    await migrate({ target: path })
    await at.client.query('drop table tenant_b.etl_alerts; drop index tenant_b.etl_control_state_idx')
    const { applied } = await migrate({ target: at.target, schema: 'tenant_b' })
    expect(applied).toEqual(['20261125100100_create_etl_alerts', '20261126163900_index_run_states'])
  })

  it('are adopted without a shared list, as after a restore of the schema alone', async () => {
    await using at = await openMigrationFixture()
    await at.client.query('create schema tenant_b; create schema fresh')
    await migrate({ target: throughPath({ url: at.target }, 'tenant_b') })
    await at.client.query('drop table public.schema_migrations')
    const { applied, alreadyApplied } = await migrate({ target: at.target, schema: 'tenant_b' })
    expect(alreadyApplied).toBeGreaterThan(10)
    expect(applied.filter((name) => / create_/.test(name))).toEqual([])
    await migrate({ target: at.target, schema: 'fresh' })
    const described = async (schema: string) =>
      (await describeSchema(at.client, schema)).map((line) => line.replaceAll(`${schema}.`, ''))
    expect(await described('tenant_b')).toEqual(await described('fresh'))
  })
})

it('still works after its schema was renamed, and after tables were moved into it', async () => {
  await using at = await openTenants('tenant_a')
  const where = { target: at.target.url, schema: 'tenant_b' }
  await at.tenants[0]?.sync()
  await at.target.query('alter schema tenant_a rename to tenant_b')
  expect(await migrate(where)).toMatchObject({ applied: [], notes: [] })
  expect(await checkHealth(where)).toMatchObject({ outcome: 'ok' })

  await at.target.query(`
    create schema tenant_c;
    do $$
    declare
      moved record;
    begin
      for moved in select relname from pg_class where relnamespace = 'tenant_b'::regnamespace and relkind in ('r', 'v') and relname <> 'schema_migrations' loop
        execute format('alter table tenant_b.%I set schema tenant_c', moved.relname);
      end loop;
      for moved in select oid::regprocedure as name from pg_proc where pronamespace = 'tenant_b'::regnamespace loop
        execute format('alter function %s set schema tenant_c', moved.name);
      end loop;
    end $$;
    drop schema tenant_b cascade`)
  const moved = { ...where, schema: 'tenant_c' }
  await migrate(moved)
  expect(await checkHealth(moved)).toMatchObject({ outcome: 'ok' })
  const source = at.tenants[0]?.source.url ?? ''
  expect(await syncConversations({ ...moved, source })).toMatchObject({
    loadType: 'incremental',
    reason: null,
  })
})
