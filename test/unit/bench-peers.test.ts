import { tmpdir } from 'node:os'

import { describe, expect, it } from 'vitest'

import { shell } from '../bench/peers/peer.js'
import { runCommand } from '../bench/peers/process-cost.js'
import { resultsTable, standings, type PeerResult } from '../bench/peers/results.js'

const megabyte = 2 ** 20
const hold = (megabytes: number) =>
  `"$NODE" -e 'const held = Buffer.alloc(${megabytes} * 2 ** 20, 1); setTimeout(() => console.log(held.length), 600)'`

describe.runIf(process.platform === 'linux')('the cost of a command', () => {
  it('has the memory of all processes behind a pipe', async () => {
    const script = `${hold(60)} | { ${hold(90)}; cat; }`
    const { peakBytes, output } = await runCommand(shell(script, { NODE: process.execPath }), tmpdir())

    expect(output).toBe(`${90 * megabyte}\n${60 * megabyte}\n`)
    expect(peakBytes).toBeGreaterThan(150 * megabyte)
  })

  it('does not count when one program of a pipe fails', async () => {
    await expect(runCommand(shell('echo bad >&2; exit 3 | cat', {}), tmpdir())).rejects.toThrow(
      /^bash ended with 3: bad/,
    )
  })
})

describe('the table of tools', () => {
  const result = (
    name: string,
    kind: PeerResult['kind'],
    firstLoad: number,
    lost: number | null,
  ): PeerResult => ({
    ...{ name, kind, firstLoad, packages: [], note: '', samples: [] },
    ...{ nothingChanged: 100, thousandChanged: null, peakBytes: 2 ** 27, walBytes: 2 ** 27 },
    lost: lost === null ? null : { lost, written: 2000, runs: 10 },
  })
  const results = [
    result('ours', 'ours', 1000, 0),
    result('fast', 'sync', 500, 7),
    result('slow', 'sync', 2000, 0),
    result('pipe', 'floor', 100, null),
  ]

  it('has how many times ours each figure is', () => {
    const [, , ours, fast, , pipe] = resultsTable(results).split('\n')

    expect(ours).toMatch(
      /^ours +1\.00 s \(1\.00 x\) +0\.10 s \(1\.00 x\) +- +128 MB \(1\.00 x\) .* 0 of 2000$/,
    )
    expect(fast).toMatch(/^fast +0\.50 s \(0\.50 x\) .* 7 of 2000$/)
    expect(pipe).toMatch(/^pipe .* -$/)
  })

  it('names who is ahead of this package, but for what copies everything', () => {
    expect(standings(results)).toEqual([
      'first load: ahead are fast',
      'nothing changed: none is ahead',
      '1,000 changed: none is ahead',
      'peak memory: none is ahead',
      'WAL: none is ahead',
      'rows lost: none is ahead',
    ])
  })
})
