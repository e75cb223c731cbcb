import { expect, it } from 'vitest'

import { SyncError, verifyConversations } from '../../lib/index.js'
import type { SyncOptions } from '../../lib/options.js'
import { act, applyRemedy, createPairs, pairs, type Pair } from '../fixtures/hostile-acts.js'
import { openEmptySync, type SyncFixture } from '../fixtures/sync-fixture.js'
import { share } from '../setup/share.js'
import { rollDice } from '../soak/dice.js'

/** 20 in `npm test`, 150 in CI, 2,000 each night. */
const runs = Number(process.env['TEST_RUNS'] ?? share(20, 150))
const seed = Number(process.env['TEST_SEED'] ?? 20261126)

/** Of each pair, what the remedies have set for good, and why its last run has failed. */
interface Past {
  always: Partial<SyncOptions>
  once: Partial<SyncOptions>
  reason: string | undefined
}

const optionsOf = ({ name }: Pair) => ({
  relation: { name, key: 'id', changedAt: 'at' },
  table: name,
  pipeline: name,
})

/** A failure's reason, or undefined. The remedy is applied; one that does not help fails the same way again. */
async function runOnce(at: SyncFixture, pair: Pair, past: Past, options: Partial<SyncOptions>) {
  try {
    await at.sync({ skewAllowance: 0, ...optionsOf(pair), ...past.always, ...past.once, ...options })
    past.once = {}
    past.reason = undefined
    return undefined
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    const reason = `${error.code} ${String(error.details['sqlState'] ?? '')}`
    if (reason === past.reason) throw error
    past.reason = reason
    const { always, once } = await applyRemedy(at, pair, error)
    Object.assign(past.always, always)
    past.once = { ...past.once, ...once }
    return reason
  }
}

/** Each live row is that of the source, or its row is rejected; nothing else is there. */
async function expectAgreement(at: SyncFixture, pair: Pair): Promise<void> {
  const found = await verifyConversations({
    source: at.source.url,
    target: at.target.url,
    ...optionsOf(pair),
  })
  expect(found).toMatchObject({ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 })
}

it(
  `in ${runs} runs over hostile rows and tables no run fails for the reason of the one before once its remedy is applied`,
  { timeout: 240_000 + runs * 10_000 },
  async () => {
    await using at = await openEmptySync()
    await createPairs(at)
    const dice = rollDice(seed)
    const pasts = new Map(
      pairs.map((pair): [Pair, Past] => [pair, { always: {}, once: {}, reason: undefined }]),
    )
    const outcomes: Record<string, number> = {}
    for (let turn = 0; turn < runs; turn += 1) {
      const pair = dice.pick(pairs)
      const past = pasts.get(pair)
      if (!past) continue
      // What failed is tried again before anything else happens to it.
      if (past.reason === undefined) await act(at, pair, dice)
      const loadType = dice.chance(0.3) ? ('full' as const) : ('incremental' as const)
      const reason = await runOnce(at, pair, past, past.reason === undefined ? { loadType } : {})
      outcomes[reason ?? 'success'] = (outcomes[reason ?? 'success'] ?? 0) + 1
      if (reason === undefined && (loadType === 'full' || turn % 20 === 0)) {
        const whole = await runOnce(at, pair, past, { maxDeleteShare: 1, loadType: 'full' })
        if (whole === undefined) await expectAgreement(at, pair)
      }
    }
    if (process.env['TEST_RUNS']) console.log(JSON.stringify({ seed, runs, outcomes }))
    expect(Object.keys(outcomes).length).toBeGreaterThan(1)
  },
)
