import { expect, it } from 'vitest'

import { verifyConversations } from '../../lib/index.js'
import { openEmptySync } from '../fixtures/sync-fixture.js'

it('nothing is compiled in the sessions of a run and of verify, whatever the databases say', async () => {
  await using at = await openEmptySync()
  await at.source.query(`
    create view items as select 1 as id, timestamptz '2026-01-01' as changed_at, current_setting('jit') as jit_of_source`)
  await at.target.query(`
    create table items (
      id integer primary key,
      changed_at timestamptz,
      jit_of_source text,
      jit_of_target text default current_setting('jit')
    )`)
  for (const { name, query } of [at.source, at.target]) await query(`alter database ${name} set jit = on`)
  const relation = { name: 'items', key: 'id', changedAt: 'changed_at' }

  await at.sync({ relation, table: 'items' })
  const found = await at.target.query('select jit_of_source, jit_of_target from items')
  const verified = await verifyConversations({
    source: at.source.url,
    target: at.target.url,
    relation,
    table: 'items',
  })

  expect(found).toEqual([{ jit_of_source: 'off', jit_of_target: 'off' }])
  expect(verified.differingColumns).toEqual({})
})
