import { once } from 'node:events'
import { connect } from 'node:net'

import { expect, it } from 'vitest'

import { openShell } from '../fixtures/cli-fixture.js'

it('the demo succeeds, and leaves no server behind when it is stopped', async () => {
  await using shell = await openShell()
  const { child, ended } = shell.start(['demo', '--conversations', '40', '--keep'])
  let printed = ''
  child.stdout.on('data', (piece: Buffer) => (printed += piece.toString()))
  try {
    await expect.poll(() => printed, { timeout: 120_000 }).toContain('until Ctrl+C')
  } finally {
    child.kill('SIGINT')
  }
  const { code, stdout } = await ended
  expect(code).toBe(0)
  expect(stdout).toMatch(/First run[^]*inserted: 40, as expected[^]*Second run[^]*written: 0, as expected/)
  expect(stdout).toMatch(/Comparing[^]*differences: 0, as expected\n\nAll counts are as expected\./)
  expect(stdout).toMatch(
    /report page, account \d+, the last 30 days:\n  conversations: \d+\n  resolutions: [1-9]/,
  )
  expect(stdout).not.toContain('BUT')
  const prose = stdout.split('\n').filter((line) => !line.includes('://'))
  expect(Math.max(...prose.map((line) => line.length))).toBeLessThanOrEqual(80)
  const [, ...ports] = /on ports (\d+) and (\d+)/.exec(stdout) ?? []
  expect(ports).toHaveLength(2)
  for (const port of ports) expect(await refuses(Number(port))).toBe(true)
})

async function refuses(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const outcome = await Promise.race([
    once(socket, 'connect').then(() => false),
    once(socket, 'error').then(() => true),
  ]).catch(() => true)
  socket.destroy()
  return outcome
}
