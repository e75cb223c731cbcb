import { expect, it } from 'vitest'

import { readRejects } from '../../lib/operations/rejects.js'
import { checkHealth } from '../../lib/operations/health/check-health.js'
import { diagnose } from '../../lib/operations/doctor/diagnose.js'
import { forgetContact } from '../../lib/operations/forget-contact.js'
import { readStatus } from '../../lib/operations/status.js'
import { chatwootSize } from '../setup/templates.js'
import { openTenants } from '../fixtures/tenants-fixture.js'

const odd = `Loja "Centro" d'água \\ .$& á`

it('keeps two tenants in one database apart, whatever their schemas are called', async () => {
  await using at = await openTenants('tenant_a', odd)
  const reports = await Promise.all(at.tenants.map((tenant) => tenant.sync()))
  expect(reports.map(({ rowsInserted }) => rowsInserted)).toEqual([chatwootSize, chatwootSize])
  const [a, b] = at.tenants
  await b?.source.query(
    `update conversations set status = 2, updated_at = clock_timestamp() at time zone 'UTC' where id <= 3`,
  )
  expect(await a?.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 0 })
  expect(await b?.sync()).toMatchObject({ loadType: 'incremental', rowsUpdated: 3 })
  await a?.query('delete from our.conversas_analytics where conversation_id = 1')
  expect(await b?.verify()).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
  expect(await a?.verify({ repair: true })).toMatchObject({ rowsMissing: 1, rowsRepaired: 1 })

  const target = at.target.url
  for (const { schema, query, source } of at.tenants) {
    const where = { target, schema }
    expect(await readStatus(where)).toHaveLength(2)
    expect(await readRejects(where)).toEqual({ reasons: [], rows: [] })
    expect(await checkHealth({ ...where, source: source.url })).toMatchObject({ outcome: 'ok' })
    const { checks } = await diagnose({ ...where, source: source.url })
    expect(checks.filter(({ name, outcome }) => name.startsWith('target-') && outcome !== 'ok')).toEqual([])
    const [contact] = await query('select contact_id from our.conversas_analytics order by 1 limit 1')
    expect(await forgetContact({ ...where, contactId: Number(contact?.['contact_id']) })).not.toMatchObject({
      rowsOwn: 0,
    })
  }
  expect(
    await at.target.query(`select relname from pg_class where relnamespace = 'public'::regnamespace`),
  ).toEqual([])
})
