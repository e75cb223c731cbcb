import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'

import { unregisterLake } from '../../lib/index.js'
import { openStorage } from '../../lib/lake/storage/open-storage.js'
import { credentials, openBucketCommand } from '../fixtures/lake/bucket-command.js'
import type { Fault } from '../fixtures/lake/store.js'
import { rollDice } from '../soak/dice.js'

let at: Awaited<ReturnType<typeof openBucketCommand>>
beforeAll(async () => {
  stubCredentials()
  at = await openBucketCommand()
})
afterAll(() => at[Symbol.asyncDispose]())

const stubCredentials = () => Object.entries(credentials).forEach(([name, value]) => vi.stubEnv(name, value))
beforeEach(() => {
  stubCredentials()
  at.store.faults.length = 0
  at.store.faultOf = () => 'none'
})
afterEach(() => void vi.unstubAllEnvs())

it('the command keeps a lake in a bucket from its first version to its end, and writes nothing else to its outputs', async () => {
  const to = 's3://data/whole/life'
  const first = await at.run(...at.lake(to))
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toMatch(/^Version 0: 30 rows/)
  await at.expectEqual([to])

  await at.change()
  const second = await at.run('sync', '--lake', '--json')
  expect(second).toMatchObject({ code: 0, stderr: '' })
  const { status, warnings } = JSON.parse(second.stdout)
  expect(status).toBe('success')
  expect(JSON.stringify(warnings)).not.toContain('LAKE_FAILED')
  expect(await at.run('sync', '--lake', '--quiet')).toEqual({ code: 0, stdout: '', stderr: '' })
  await at.expectEqual([to])
  await at.done(...at.lake(to, '--check'))

  const [gone] = await at.filesOf(to)
  await using bucket = await openStorage(to, { endpoint: at.moto.endpoint })
  await bucket.remove([gone ?? ''])
  expect(await at.run(...at.lake(to, '--check'))).toMatchObject({ code: 4 })
  await at.done(...at.lake(to, '--repair'))
  await at.expectEqual([to])

  const without = ['message_compiled', 'contact_name']
  await at.done(...at.lake(to, '--rebuild', '--without', without.join()))
  await at.expectEqual([to], without)
  const vacuum = await at.run(...at.lake(to, '--vacuum', '0s', '--json'))
  expect(JSON.parse(vacuum.stdout).vacuumed.files).toBeGreaterThan(0)
  await at.expectEqual([to], without)
  await at.expectTidy(to)

  const doctor = await at.run('doctor', '--json')
  expect(doctor.stderr).toBe('')
  expect(
    JSON.parse(doctor.stdout).checks.filter(({ name }: { name: string }) => name === 'target-lake'),
  ).toMatchObject([{ outcome: 'ok', message: expect.stringContaining(to) }])
  expect((await at.objects()).filter((key) => key.includes('probe'))).toEqual([])

  const [contact] = await at.target.query<{ id: number }>(
    'select contact_id as id from conversas_analytics where contact_id is not null limit 1',
  )
  const forget = await at.run('forget', '--contact', String(contact?.id), '--json')
  expect(forget).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(forget.stdout)).toMatchObject({ lakes: [{ lake: to, error: null }] })
  await at.expectEqual([to], without)
  await at.expectTidy(to)
  await at.done(...at.lake(to, '--unregister'))
  await at.expectEqual([to], without)
})

const slowDown: Fault = { status: 503, code: 'SlowDown' }
const internal: Fault = { status: 500, code: 'InternalError' }
const denied: Fault = { status: 403, code: 'AccessDenied' }
const failed: Fault = { status: 412, code: 'PreconditionFailed' }

/** Requests of a call, in the order in which they come. */
const requests = {
  list: /^LIST /,
  log: /^GET .*\/_delta_log\/\d+\.json$/,
  file: /^PUT .*\.parquet$/,
  commit: /^PUT .*\/_delta_log\/\d+\.json$/,
}

interface Trouble {
  /** The first request of this kind has the fault. */
  readonly on: keyof typeof requests
  readonly fault: Fault
  /** The fault of all later requests, unless they are answered. */
  readonly later?: Fault
  /** The code of the error with which the call ends; none where it succeeds all the same. */
  readonly error?: string
}

const troubles: Readonly<Record<string, Trouble>> = {
  'a list is cut': { on: 'list', fault: 'cut within the answer' },
  'a version is cut while it is read': { on: 'log', fault: 'cut within the answer' },
  'a file is cut and sent again': { on: 'file', fault: 'cut before' },
  'a file is there and not confirmed': { on: 'file', fault: 'cut after done' },
  'a file is denied': { on: 'file', fault: denied, error: 'STORAGE_FAILED' },
  'the store is busy from a file on': {
    on: 'file',
    fault: slowDown,
    later: slowDown,
    error: 'STORAGE_FAILED',
  },
  'the commit is denied': { on: 'commit', fault: denied, error: 'STORAGE_FAILED' },
  'the commit is there, and the store is gone': {
    on: 'commit',
    fault: 'cut after done',
    later: 'cut before',
    error: 'STORAGE_FAILED',
  },
  'the commit is there, and nothing is allowed any more': {
    on: 'commit',
    fault: { ...internal, isDone: true },
    later: denied,
    error: 'STORAGE_FAILED',
  },
  'the commit fails by 500 at first': { on: 'commit', fault: internal },
  'the commit is answered with 412 and is not there': { on: 'commit', fault: failed, error: 'LAKE_CONFLICT' },
  'the commit is answered with 412 and is there': { on: 'commit', fault: { ...failed, isDone: true } },
  'the commit is there and cut': { on: 'commit', fault: 'cut after done' },
  'the commit is there and not answered': { on: 'commit', fault: 'hang after done' },
}

it('whatever becomes of a request, the lake is whole and the next call makes it good', async () => {
  const cases = Object.entries(troubles).map(([name, trouble], index) => {
    const prefix = `trouble-${index}`
    return { ...trouble, name, prefix, to: `s3://data/${prefix}`, isStruck: false }
  })
  const all = <Ending>(work: (each: (typeof cases)[number]) => Promise<Ending>) => inTurns(cases, 8, work)
  // Each is registered under the lock of runs.
  for (const { to } of cases) await at.done(...at.lake(to))
  await at.change()
  at.store.faultOf = (request) => {
    const struck = cases.find((each) => request.includes(`/${each.prefix}/`))
    return struck ? strike(struck, request) : 'none'
  }
  await all(async ({ name, to, error = '' }) => {
    const { code, stderr } = await at.run(...at.lake(to))
    expect({ code, stderr }, name).toEqual({
      code: error === '' ? 0 : 1,
      stderr: error === '' ? '' : expect.stringContaining(error),
    })
  })
  expect(cases.filter(({ isStruck }) => !isStruck).map(({ name }) => name)).toEqual([])
  at.store.faultOf = () => 'none'
  await at.change()
  await all(async ({ to }) => await at.done(...at.lake(to, '--vacuum', '0s')))
  await at.expectEqual(cases.map(({ to }) => to))
  for (const { to } of cases) {
    await at.expectTidy(to)
    expect(await unregisterLake({ target: at.target.url, to })).toBe(true)
  }
})

function strike(trouble: Trouble & { isStruck: boolean }, request: string): Fault {
  if (trouble.isStruck) return trouble.later ?? 'none'
  if (!requests[trouble.on].test(request)) return 'none'
  trouble.isStruck = true
  return trouble.fault
}

/** A few at a time, as each is a process. */
async function inTurns<Each>(all: readonly Each[], atOnce: number, work: (each: Each) => Promise<unknown>) {
  for (let from = 0; from < all.length; from += atOnce)
    await Promise.all(all.slice(from, from + atOnce).map(work))
}

it('a bucket that fails at random, and calls that are killed at random, lose nothing', async () => {
  const to = 's3://data/random'
  await at.done(...at.lake(to))
  const dice = rollDice(15)
  const faults: readonly [Fault, ...Fault[]] = [
    ...(['cut before', 'cut after done', 'cut within the answer'] as const),
    ...[
      slowDown,
      internal,
      { ...internal, isDone: true },
      { ...slowDown, isDone: true },
      { status: 409, code: 'ConditionalRequestConflict' },
      denied,
    ],
  ]
  const ends = new Map<string, number>()
  for (let round = 0; round < 20; round += 1) {
    await at.change()
    at.store.faultOf = () => (dice.chance(0.15) ? dice.pick(faults) : 'none')
    const { child, ended } = at.start(...at.lake(to, '--json'))
    if (dice.chance(0.3)) void delay(dice.between(300, 2000)).then(() => child.kill('SIGKILL'))
    const { code, stderr } = await ended
    const end = code === null ? 'killed' : (/[A-Z]+_[A-Z]+|LOCKED/.exec(stderr)?.[0] ?? `code ${code}`)
    ends.set(end, (ends.get(end) ?? 0) + 1)
    at.store.faultOf = () => 'none'
    await at.untilUnlocked()
    if (round % 5 < 4) continue
    await at.done(...at.lake(to, '--vacuum', '0s'))
    await at.expectEqual([to])
    await at.expectTidy(to)
  }
  expect(
    [...ends.keys()].filter((end) => !/^(killed|code 0|STORAGE_FAILED|LAKE_CONFLICT)$/.test(end)),
  ).toEqual([])
  expect(ends.get('code 0')).toBeGreaterThan(0)
  expect(ends.get('killed')).toBeGreaterThan(0)
})
