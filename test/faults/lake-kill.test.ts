import { setTimeout as delay } from 'node:timers/promises'

import { expect, it } from 'vitest'

import { SyncError } from '../../lib/index.js'
import { openShell, settings, type Variables } from '../fixtures/cli-fixture.js'
import { killedAt } from '../fixtures/lake/killing.js'
import { lakeDifferences, openLake, rowsOfLake, tableOfLake } from '../fixtures/lake-fixture.js'
import { waitingLocks } from '../setup/database.js'
import { share } from '../setup/share.js'
import { rollDice } from '../soak/dice.js'

let turn = 0

type Lake = Awaited<ReturnType<typeof openChanged>>

/** A lake with a version, and changes in two of its months. */
async function openChanged() {
  const at = await openLake()
  const shell = await openShell()
  await at.replicate()
  const change = () =>
    at.target.query(
      `update conversas_analytics set contact_name = 'turn ${++turn}' where conversation_id in (1, 4)`,
    )
  await change()
  const start = (variables: Variables = {}) =>
    shell.start(['lake', '--to', at.to, '--no-log-file'], { ...settings('LOCAL', at.target), ...variables })
  return Object.assign(at, { shell, change, start })
}

/** Kills the process, and the server's end of its connection, which notices it only when it has something to say. */
async function kill(at: Pick<Lake, 'target'>, victim: ReturnType<Lake['start']>) {
  victim.child.kill('SIGKILL')
  await victim.ended
  await bury(at)
}

async function bury({ target }: Pick<Lake, 'target'>) {
  await target.query(`
    select pg_terminate_backend(pid)
    from pg_stat_activity
    where application_name = 'chatwoot-sync lake'
      and datname = current_database()`)
}

/** As often as the lock of the killed process is still held. */
async function untilFree<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'LOCKED') throw error
      await delay(20)
    }
  }
}

/** A reader sees the version before or the next one, whole; the next call makes it good and leaves nothing behind. */
async function expectWhole(at: Lake, before: readonly string[]) {
  const seen = (await rowsOfLake(at.to)).toSorted()
  const isOld = JSON.stringify(seen) === JSON.stringify(before.toSorted())
  if (!isOld) expect(await lakeDifferences(at.target, at.to)).toEqual([])
  const { version } = await tableOfLake(at.to)
  await untilFree(() => at.replicate({ vacuum: 0 }))
  expect(await at.differences()).toEqual([])
  expect(await at.marks()).toEqual([])
  expect((await at.replicate({ check: true })).differences).toEqual([])
  const { files } = await tableOfLake(at.to)
  expect(await at.files()).toEqual([...files.keys()].sort())
  return { isOld, version }
}

const steps = [
  { name: 'the files', hold: 'lock table etl_lake_versions in access exclusive mode', version: 0 },
  { name: 'the commit', hold: 'select 1 from etl_lakes for update', version: 1 },
]

it.each(steps)(
  'after kill -9 behind $name the lake is whole, and the next call loses nothing',
  async ({ hold, version }) => {
    await using at = await openChanged()
    await using _ = at.shell
    const before = await rowsOfLake(at.to)
    const client = await at.target.pool.connect()
    await client.query('begin')
    await client.query(hold)
    const victim = at.start()
    await expect.poll(() => at.target.query(waitingLocks)).toHaveLength(1)
    await kill(at, victim)
    await client.query('rollback')
    client.release()

    expect(await at.marks()).toEqual(['2026-01', '2026-03'])
    expect(await expectWhole(at, before)).toEqual({ isOld: version === 0, version })
  },
)

it('after kill -9 at any moment the lake is whole, and the next call loses nothing', async () => {
  await using at = await openChanged()
  await using _ = at.shell
  const begun = performance.now()
  expect(await at.start().ended).toMatchObject({ code: 0 })
  const whole = performance.now() - begun
  const dice = rollDice(7)
  for (let round = 0; round < share(1, 50); round += 1) {
    await at.change()
    const before = await rowsOfLake(at.to)
    const victim = at.start()
    await delay(dice.between(0, Math.ceil(whole)))
    await kill(at, victim)
    await expectWhole(at, before)
  }
})

it('after kill -9 before anything that it asks of the disk or sends, the lake is whole, and the next call loses nothing', async () => {
  await using at = await openChanged()
  await using _ = at.shell
  const seen = { old: 0, next: 0 }
  for (let step = share(5, 1); ; step += share(31, 1)) {
    await at.change()
    const before = await rowsOfLake(at.to)
    const { code } = await at.start(killedAt(step)).ended
    await bury(at)
    const { isOld } = await expectWhole(at, before)
    seen[isOld ? 'old' : 'next'] += 1
    if (code === 0) break
  }
  expect(seen).toEqual({
    old: expect.toSatisfy((n) => n >= share(2, 20)),
    next: expect.toSatisfy((n) => n >= 1),
  })
})
