import { expect, it } from 'vitest'

import { diagnose, syncConversations } from '../../lib/index.js'
import { ownAddress } from '../fixtures/hostile-server.js'
import { openRecordingProxy } from '../fixtures/recording-proxy.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { sourceServer } from '../setup/database.js'

const encryption = async (source: string, target: string) =>
  (await diagnose({ source, target })).checks.filter(({ name }) => name.endsWith('-encryption'))

/** What a run warns of, as far as it is about how it is connected. */
async function warningsOf(source: string, target: string): Promise<string[]> {
  const warnings: string[] = []
  const quiet = () => undefined
  const warn = (text: string) => void warnings.push(text)
  await syncConversations({ source, target, logger: { debug: quiet, info: quiet, error: quiet, warn } })
  return warnings.filter((text) => text.includes('encrypted'))
}

it.runIf(ownAddress)(
  'a source on another machine without TLS is read as before, with a warning',
  async () => {
    await using at = await openSync()
    await using proxy = await openRecordingProxy(sourceServer(), ownAddress)
    const source = proxy.url(at.source.url)
    expect(await encryption(source, at.target.url)).toMatchObject([
      { name: 'source-encryption', outcome: 'warning', remedy: expect.stringContaining('SOURCE_DB_SSLMODE') },
    ])
    const warning: unknown = expect.stringContaining('connection to the source is not encrypted')
    expect(await warningsOf(source, at.target.url)).toEqual([warning])
  },
)

it.runIf(ownAddress)('without TLS by choice nothing is warned of', async () => {
  await using at = await openSync()
  await using proxy = await openRecordingProxy(sourceServer(), ownAddress)
  const source = `${proxy.url(at.source.url)}?sslmode=disable`
  expect(await encryption(source, at.target.url)).toMatchObject([{ outcome: 'ok' }])
  expect(await warningsOf(source, at.target.url)).toEqual([])
})
