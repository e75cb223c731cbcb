import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { LogFields } from '../../lib/domain/logger.js'
import { createLogger } from '../../bin/logs/logger.js'
import { capture, openLogFolder } from '../fixtures/log-fixture.js'

const noon = (day: number) => new Date(2026, 10, day, 12, 0, 0)

let folder: Awaited<ReturnType<typeof openLogFolder>>
let directory: string
beforeEach(async () => {
  folder = await openLogFolder()
  directory = folder.directory
})
afterEach(() => folder[Symbol.asyncDispose]())

describe('a finished line', () => {
  const password = `p@ss:w/ö "rd"\\%#?&'$ 1`
  const careless = (value: unknown) => value as LogFields
  const ways: [string, string, unknown][] = [
    ['in the message', `password authentication failed with ${password}`, {}],
    ['in a field', 'failed', { given: password }],
    ['percent-encoded', 'failed', { url: `postgres://me:${encodeURIComponent(password)}@db/etl` }],
    ['inside JSON inside a field', 'failed', { body: JSON.stringify({ pw: password }) }],
    ['in the message of an Error', 'failed', { error: new Error(`no entry for ${password}`) }],
    ['in a URL object', 'failed', { url: Object.assign(new URL('postgres://me@db/etl'), { password }) }],
    ['deep in an object', 'failed', { config: { connection: { password } } }],
    ['as a name', 'failed', { [password]: 1 }],
    ['in a connection string', `host=db password='${password.replaceAll(/['\\]/g, '\\$&')}'`, {}],
    ['in SQL', `alter role me password '${password.replaceAll("'", "''")}'`, {}],
  ]
  it.each(ways)('shows no secret %s', async (_where, message, fields) => {
    const screen = capture()
    const options = { directory, console: screen.stream, secrets: [password], now: () => noon(24) }
    const { logger, close } = await createLogger(options)
    logger.error(message, careless(fields))
    await close()

    const written = (await readFile(join(directory, 'etl_latest.log'), 'utf8')) + screen.text()
    expect(written).not.toMatch(/p@ss|p%40ss|rd%22|w\/ö/)
    expect(written.match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(2)
    expect(await folder.linesOf('etl_latest.log')).toMatchObject([{ level: 'error' }])
  })

  it('is written even if its fields cannot be', async () => {
    const circle: Record<string, unknown> = { size: 5n }
    const { logger, close } = await createLogger({ directory, console: 'off' })
    logger.info('big', careless({ ...circle }))
    logger.info('round', careless(Object.assign(circle, { circle })))
    await close()
    expect(await folder.linesOf('etl_latest.log')).toMatchObject([
      { message: 'big', size: '5' },
      { message: 'round' },
    ])
  })

  it('stays JSON when a secret of digits stands in a number', async () => {
    const { logger, close } = await createLogger({ directory, console: 'off', secrets: ['4711'] })
    logger.info('counted', { rows: 1471102 })
    await close()
    const [line] = await folder.linesOf('etl_latest.log')
    expect(line?.['message']).toMatch(/counted.*"rows":1\[redacted\]02/)
  })
})
