import { expect, it } from 'vitest'

import type { CompiledQuery } from 'kysely'

import type { Session } from '../../lib/postgres/driver/session.js'
import { columnTypeOf } from '../../lib/postgres/driver/types/column-type.js'
import type { LoadPlan } from '../../lib/postgres/target/load-plan.js'
import { upsertStage } from '../../lib/postgres/target/upsert.js'

/** The text of the upsert into a table with a key and a column of jsonb. */
async function upsertInto(writing: { readonly isDistributed: boolean }): Promise<string> {
  const column = (name: string, oid: number, type: string) => {
    const definition = columnTypeOf(new Map(), { oid, modifier: -1, bare: type, full: type })
    return { name, type, definition }
  }
  const columns = [column('id', 20, 'bigint'), column('details', 3802, 'jsonb')]
  const key = { column: 'id', beside: [], index: 'items_pkey', operator: '=', collation: null }
  const table = {
    ...{ schema: 'public', name: 'items', columns, forbidden: [], required: [], uniqueColumns: ['id'] },
    ...{ estimatedRows: null },
    writing: {
      ...{ generated: [], identities: [], hasTriggers: false, ...writing },
      keys: [{ ...key, isDeterministic: true }],
    },
  }
  const plan: LoadPlan = {
    ...{ table, key: 'id', columns, scope: [], changedAt: undefined, conversions: new Map(), lossy: [] },
  }
  const texts: string[] = []
  const target = {
    rows: async ({ sql }: CompiledQuery) => {
      texts.push(sql)
      return []
    },
  }
  await upsertStage(target as Partial<Session> as Session, plan)
  return texts.join()
}

it('an update keeps a large value of the same image, unless the table is distributed', async () => {
  expect(await upsertInto({ isDistributed: false })).toMatch(/"details" = case when .* then h\."details"/)
  expect(await upsertInto({ isDistributed: true })).toMatch(/"details" = excluded\."details"/)
})
