import { expect, it } from 'vitest'

import { retryBudget, runAndMend } from '../fixtures/provoked-fixture.js'
import { openFaultProxy } from '../soak/fault-proxy.js'
import { differences, openSync } from '../fixtures/sync-fixture.js'

const sides = ['source', 'target'] as const
const unreachable = { source: 'SOURCE_UNREACHABLE', target: 'TARGET_UNREACHABLE' } as const

/** Bytes after which a connection to the source sends rows, and one to the target takes them. */
const amongRows = 60_000

it.each(sides)('finds nobody at the address of the %s (ECONNREFUSED)', async (side) => {
  await using at = await openSync()
  const closed = Object.assign(new URL(at[side].url), { port: '1' }).href
  await expect(at.sync({ [side]: closed, retryBudget: 100 })).rejects.toMatchObject({
    code: unreachable[side],
    details: { socketError: 'ECONNREFUSED' },
  })
  await at.sync()
  expect(await differences(at)).toEqual([])
})

it.each(sides)('goes on after the connection to the %s was reset in the middle of a row', async (side) => {
  await using at = await openSync()
  await using proxy = await openFaultProxy(at[side].url, { kind: 'cut', after: amongRows, lasts: 0 })

  const { warning } = await runAndMend(at, async () => undefined, {
    [side]: proxy.url,
    batchSize: 40,
    extractor: 'cursor',
  })

  // Who writes may meet the broken pipe first.
  expect(warning).toMatch(new RegExp(`${unreachable[side]} \\((ECONNRESET|EPIPE)\\) once`))
})

it.each(sides)('goes on after the %s has fallen silent in the middle of a row', async (side) => {
  await using at = await openSync()
  await using proxy = await openFaultProxy(at[side].url, { kind: 'half-open', after: amongRows, lasts: 0 })

  const { warning, told } = await runAndMend(at, async () => undefined, {
    [side]: proxy.url,
    batchSize: 40,
    statementTimeout: 700,
    connectTimeout: 500,
  })

  expect(warning).toContain(unreachable[side])
  expect(told[0]?.message).toContain(`The ${side} has not responded for 1.2 s.`)
})

it.each(sides)('gives up on a %s that takes the connection and says nothing', async (side) => {
  await using at = await openSync()
  await using proxy = await openFaultProxy(at[side].url, { kind: 'blackhole', after: 0, lasts: Infinity })
  const run = at.sync({ [side]: proxy.url, connectTimeout: 300, retryBudget: 100 })
  await expect(run).rejects.toMatchObject({
    code: unreachable[side],
    message: expect.stringContaining('timeout expired'),
  })
  await at.sync()
  expect(await differences(at)).toEqual([])
})

it('keeps to its budget where nobody comes back', async () => {
  await using at = await openSync()
  await using proxy = await openFaultProxy(at.source.url, {
    kind: 'refuse',
    after: amongRows,
    lasts: Infinity,
  })
  await expect(at.sync({ source: proxy.url, batchSize: 40, retryBudget: 300 })).rejects.toMatchObject({
    code: 'SOURCE_UNREACHABLE',
    details: { socketError: expect.stringMatching(/^ECONN(RESET|REFUSED)$/) },
  })
  expect(await at.sync({ retryBudget })).toMatchObject({ loadType: 'full' })
  expect(await differences(at)).toEqual([])
})
