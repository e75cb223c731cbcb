import { once } from 'node:events'
import { connect } from 'node:net'

import { expect, it } from 'vitest'

import { openShell } from '../fixtures/cli-fixture.js'
import { MarkdownPage } from '../fixtures/markdown-page.js'
import { share } from '../setup/share.js'
import { largeSize } from '../setup/templates.js'

/** As it is without an option, and with another number of conversations. */
const sizes = share([largeSize], [largeSize, 40])

it.each(sizes)(
  'the demo of %i conversations succeeds, and leaves no server behind when it is stopped',
  async (size) => {
    await using shell = await openShell()
    const { child, ended } = shell.start([
      'demo',
      '--keep',
      ...(size === largeSize ? [] : ['--conversations', String(size)]),
    ])
    let printed = ''
    child.stdout.on('data', (piece: Buffer) => (printed += piece.toString()))
    try {
      await expect.poll(() => printed, { timeout: 120_000 }).toContain('until Ctrl+C')
    } finally {
      child.kill('SIGINT')
    }
    const { code, stdout } = await ended
    expect(code).toBe(0)
    const inserted = `First run[^]*inserted: ${size}, as expected`
    expect(stdout).toMatch(new RegExp(`${inserted}[^]*Second run[^]*written: 0, as expected`))
    if (size === largeSize) expectLinesOfReadme(stdout)
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
  },
)

/** The README quotes some of the lines that the demo prints, in their order. */
function expectLinesOfReadme(stdout: string): void {
  const [quoted = ''] = new MarkdownPage('README.md').blocks('text')
  expect(quoted).not.toBe('')
  let rest = stdout.split('\n')
  for (const line of quoted.trimEnd().split('\n')) {
    expect(rest).toContain(line)
    rest = rest.slice(rest.indexOf(line) + 1)
  }
}

async function refuses(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const outcome = await Promise.race([
    once(socket, 'connect').then(() => false),
    once(socket, 'error').then(() => true),
  ]).catch(() => true)
  socket.destroy()
  return outcome
}
