import { randomInt } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

import { expect, it, vi } from 'vitest'

import { openShell, settings } from '../fixtures/cli-fixture.js'
import { change, leftovers, openTable, rowsOf, type PartitionFixture } from '../fixtures/partition-fixture.js'
import { share } from '../setup/share.js'
import { openWire, type Moment } from '../soak/wire.js'

/** Whether the table is there as it was, or by month, with nothing of the one or the other missing. */
async function expectWhole({ target }: PartitionFixture, rows: readonly string[]) {
  expect(await rowsOf(target)).toEqual(rows)
  const [view] = await target.query<{ rows: number }>(
    'select count(*)::integer as rows from vw_conversas_analytics',
  )
  expect(view?.rows).toBe(rows.length)
}

const named: readonly { readonly name: string; readonly moment: Omit<Moment, 'when'> }[] = [
  { name: 'trigger', moment: { request: /create trigger "etl_rebuild_insert"/ } },
  { name: 'begun', moment: { request: /^[PQ] commit/, nth: 2 } },
  { name: 'month', moment: { request: /insert into "public"."conversas_analytics_202602"/ } },
  { name: 'note of a month', moment: { request: /insert into \S*"etl_partition_months"/, nth: 2 } },
  { name: 'indexes', moment: { request: /add constraint "etl_new_/ } },
  { name: 'changes', moment: { request: /"etl_partition_changes" c/ } },
  { name: 'copied changes', moment: { request: /insert into "public"."conversas_analytics_new" \(/ } },
  { name: 'run lock', moment: { request: /pg_try_advisory_lock/, nth: 2 } },
  { name: 'swap', moment: { request: /do \$swap_/ } },
  { name: 'last', moment: { request: /update \S*"etl_partitioning" set "months_ahead"/ } },
]

const chosen = share(
  ['month', 'swap'],
  named.map(({ name }) => name),
)
const moments = named
  .filter(({ name }) => chosen.includes(name))
  .flatMap((step) => (['before', 'after'] as const).map((when) => ({ ...step, when })))

it.each(moments)(
  'killed $when the $name, it goes on, and no row is lost or double',
  async ({ moment, when }) => {
    await using at = await openTable()
    await using shell = await openShell()
    // A change after the copy of the first months, so that there is one to be brought over.
    await at.stopAt(({ monthsDone }) => monthsDone === 1)
    await change(at, 1)
    if (moment.request.source.includes('trigger') || moment.nth === 2) await at.partition({ cancel: true })
    let kill = () => undefined as unknown
    await using wire = await openWire(at.target.url, {
      moment: { ...moment, when },
      cuts: true,
      strike: () => kill(),
    })
    const started = shell.start(
      ['partition', '--months-ahead', '0', '--no-log-file'],
      settings('LOCAL', { url: wire.url }),
    )
    kill = () => started.child.kill('SIGKILL')
    await started.ended
    expect(wire.struck()).toBe(true)
    await untilGone(at)
    await expectWhole(at, await rowsOf(at.target))
    await change(at, 2)
    const rows = await at.rows()

    const report = await at.partition()

    expect(report.action).toMatch(/^(partitioned|months-added)$/)
    await expectWhole(at, rows)
    expect(await leftovers(at.target)).toEqual(tables(['202601', '202602', '202603']))
    expect(new Set((await at.places()).map((place) => place.split(' ')[1]))).not.toContain(
      'conversas_analytics_default',
    )
  },
)

it(`killed at ${share(2, 20)} random moments, while rows change, it ends with every row`, async () => {
  await using at = await openTable(6)
  await using shell = await openShell()
  for (let turn = 0; turn < share(2, 20); turn++) {
    const started = shell.start(
      ['partition', '--months-ahead', '0', '--no-log-file', ...(turn % 2 ? ['--undo'] : [])],
      settings('LOCAL', at.target),
    )
    await wait(randomInt(300, 1500))
    await change(at, turn)
    started.child.kill('SIGKILL')
    await started.ended
    await untilGone(at)
    await expectWhole(at, await at.rows())
    const [known] = await at.target.query<{ building: string | null; before_name: string | null }>(
      'select building, before_name from etl_partitioning',
    )
    if (known?.before_name) await at.partition({ dropBefore: 'conversas_analytics_before' })
  }
  const rows = await at.rows()
  const [known] = await at.target.query<{ building: string | null; partitioned_at: string | null }>(
    'select building, partitioned_at from etl_partitioning',
  )
  if (known?.building === 'plain') await at.partition({ undo: true })
  else await at.partition()
  await expectWhole(at, rows)
})

/** It is made beforehand. */
const thisMonth = new Date().toISOString().slice(0, 7).replace('-', '')

const tables = (months: readonly string[]) =>
  ['before', 'default', thisMonth, ...months].map((name) => `conversas_analytics_${name}`).sort()

async function untilGone({ target }: PartitionFixture): Promise<void> {
  await vi.waitFor(
    async () =>
      expect(
        await target.query(
          `select 1 from pg_stat_activity where application_name = 'chatwoot-sync partition' and datname = current_database()`,
        ),
      ).toEqual([]),
    { timeout: 60_000 },
  )
}
