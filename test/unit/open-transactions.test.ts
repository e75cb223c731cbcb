import type { CompiledQuery } from 'kysely'
import { expect, it } from 'vitest'

import { checkOpenTransactions } from '../../lib/operations/doctor/open-transactions.js'

it.each([
  [true, /on the primary of the source, in any of its databases, .* 100,001 .*; until it ends, each run/],
  [false, /in the source has been open while 100,001 .*; once it has ended, one run/],
])('tells a transaction by the ids since it began (on a standby: %s)', async (isStandby, message) => {
  const row = { isStandby, seconds: null, ids: '100001', prepared: null }
  const source = {
    rows: <Row>(_query: CompiledQuery<Row>) => Promise.resolve<readonly Row[]>([row as Row]),
  }
  const [found] = await checkOpenTransactions(source, 60_000)
  expect(found).toMatchObject({ outcome: 'warning', message: expect.stringMatching(message) })
  expect(found?.remedy?.includes('pg_prepared_xacts')).toBe(isStandby)
})
