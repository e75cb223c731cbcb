import { expect } from 'vitest'

import { diagnose, type DiagnoseOptions } from '../lib/operations/doctor/diagnose.js'
import { openPair, type Pair } from './cli-fixture.js'

export interface Practice extends Pair {
  /** What the doctor says of the pair, or of what is given in place of its databases. */
  examine(more?: Partial<DiagnoseOptions>): ReturnType<typeof examine>
}

/** A pair of databases and a doctor for them. */
export async function openPractice(): Promise<Practice> {
  const pair = await openPair(10)
  const own = { source: pair.readerUrl, target: pair.target.url }
  return { ...pair, examine: (more = {}) => examine({ ...own, ...more }) }
}

async function examine(options: DiagnoseOptions) {
  const { ok, checks } = await diagnose(options)
  const found = checks.filter(({ outcome }) => outcome !== 'ok')
  expect(ok).toBe(found.every(({ outcome }) => outcome === 'warning'))
  return { ok, checks, found, about: (name: string) => checks.filter((check) => check.name === name) }
}
