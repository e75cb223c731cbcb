import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { expect, it } from 'vitest'

import { groups } from '../bench/groups.js'

const program = fileURLToPath(new URL('../bench/run.ts', import.meta.url))

/** Groups without a cost by case: they measure commands from outside. */
const ofWholeProcesses = ['memory', 'pipe', 'lake']

it('measures every case, each of which ends with a target that equals its source', async () => {
  const small = ['--rows', '200', '--repeat', '1', '--json']
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...small], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])

  expect(code, stderr).toBe(0)
  const { findings, costs, failures } = JSON.parse(stdout)
  expect(failures).toEqual([])
  expect([...new Set(costs.map(({ group }: { group: string }) => group))]).toEqual(
    groups.flatMap(({ name }) => (ofWholeProcesses.includes(name) ? [] : [name])),
  )
  for (const finding of findings) {
    expect(finding).toEqual({
      name: expect.any(String),
      value: expect.any(Number),
      unit: expect.any(String),
      ratio: finding.ratio === null ? null : expect.any(Number),
      bar: expect.any(String),
      met: finding.bar === '' ? null : expect.any(Boolean),
    })
  }
  for (const { samples, milliseconds, sourceTrips } of costs) {
    expect(samples).toHaveLength(1)
    expect(milliseconds).toBeGreaterThan(0)
    expect(sourceTrips).toBeGreaterThanOrEqual(0)
  }
})
