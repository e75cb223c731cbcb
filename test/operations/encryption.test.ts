import { describe, expect, it } from 'vitest'

import { diagnose, syncConversations } from '../../lib/index.js'
import { ownAddress } from '../fixtures/hostile-server.js'
import { openRecordingProxy } from '../fixtures/recording-proxy.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { sourceServer } from '../setup/database.js'

describe.runIf(ownAddress)('a source on another machine', () => {
  const encryption = async (source: string, target: string) =>
    (await diagnose({ source, target })).checks.filter(({ name }) => name.endsWith('-encryption'))

  it('without TLS is read as before, with a warning of doctor and of each run', async () => {
    await using at = await openSync()
    await using proxy = await openRecordingProxy(sourceServer(), ownAddress)
    const source = proxy.url(at.source.url)
    expect(await encryption(source, at.target.url)).toMatchObject([
      { name: 'source-encryption', outcome: 'warning', remedy: expect.stringContaining('SOURCE_DB_SSLMODE') },
    ])
    const warnings: string[] = []
    const quiet = () => undefined
    const logger = {
      debug: quiet,
      info: quiet,
      error: quiet,
      warn: (text: string) => void warnings.push(text),
    }
    await syncConversations({ source, target: at.target.url, logger })
    expect(warnings).toEqual([expect.stringContaining('connection to the source is not encrypted')])
  })

  it('without TLS by choice warns of nothing', async () => {
    await using at = await openSync()
    await using proxy = await openRecordingProxy(sourceServer(), ownAddress)
    const source = `${proxy.url(at.source.url)}?sslmode=disable`
    expect(await encryption(source, at.target.url)).toMatchObject([{ outcome: 'ok' }])
    const warnings: string[] = []
    const quiet = () => undefined
    const logger = {
      debug: quiet,
      info: quiet,
      error: quiet,
      warn: (text: string) => void warnings.push(text),
    }
    await syncConversations({ source, target: at.target.url, logger })
    expect(warnings).toEqual([])
  })
})
