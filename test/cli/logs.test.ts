import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { link, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { createLogger } from '../../bin/logs/logger.js'
import { builtFile } from '../setup/built-file.js'
import { capture, openLogFolder } from '../fixtures/log-fixture.js'

const noon = (day: number) => new Date(2026, 10, day, 12, 0, 0)

let folder: Awaited<ReturnType<typeof openLogFolder>>
let directory: string
beforeEach(async () => {
  folder = await openLogFolder()
  directory = folder.directory
})
afterEach(() => folder[Symbol.asyncDispose]())

describe('the daily files', () => {
  it('hold one flat JSON object a line, in a folder that is created', async () => {
    const { logger, close } = await createLogger({ directory, console: 'off', now: () => noon(24) })
    logger.info('Batch loaded', { rows: 1000, table: 'conversas_analytics', level: 'high' })
    logger.debug('not at this level')
    logger.error('Run failed', { code: 'LOCKED' })
    await close()

    expect(await folder.linesOf('etl_20261124.log')).toEqual([
      {
        time: expect.stringMatching(/^2026-11-24T12:00:00\.000[+-]\d\d:\d\d$/),
        level: 'info',
        message: 'Batch loaded',
        rows: 1000,
        table: 'conversas_analytics',
        level_: 'high',
      },
      { time: expect.any(String), level: 'error', message: 'Run failed', code: 'LOCKED' },
    ])
  })

  it('are closed to strangers', async () => {
    const umask = process.umask(0o022)
    const { logger, close } = await createLogger({ directory, console: 'off', now: () => noon(24) })
    logger.info('written')
    await close()
    process.umask(umask)
    expect((await stat(join(directory, 'etl_20261124.log'))).mode & 0o777).toBe(0o640)
  })

  it('begin anew when the day changes, and the link follows', async () => {
    let now = noon(24)
    const { logger, close } = await createLogger({ directory, console: 'off', now: () => now })
    logger.info('first day')
    expect(await readlink(join(directory, 'etl_latest.log'))).toBe('etl_20261124.log')
    now = noon(25)
    logger.info('second day')
    await close()

    expect(await readlink(join(directory, 'etl_latest.log'))).toBe('etl_20261125.log')
    expect(await folder.linesOf('etl_20261124.log')).toMatchObject([{ message: 'first day' }])
    expect(await folder.linesOf('etl_latest.log')).toMatchObject([{ message: 'second day' }])
    expect(await readdir(directory)).toHaveLength(3)
  })

  it('are named and timed by the clock of the host', async () => {
    await inChild(
      'America/Sao_Paulo',
      `now: () => new Date('2026-11-24T02:30:00.007Z')`,
      `logger.info('late')`,
    )
    expect(await folder.linesOf('etl_20261123.log')).toMatchObject([
      { time: '2026-11-23T23:30:00.007-03:00' },
    ])
  })

  it('are removed after the retention, and nothing else is', async () => {
    const others = [
      'etl_20260101.log.gz',
      'etl_20259999.log',
      'app_20260101.log',
      'etl_20260101.txt',
      'etl_latest.log.bak',
    ]
    const kept = ['etl_20261121.log', 'etl_20261122.log', 'etl_20261130.log']
    await mkdir(join(directory, 'etl_20260102.log'), { recursive: true })
    for (const name of [...others, ...kept, 'etl_20261120.log', 'etl_20251231.log']) {
      await writeFile(join(directory, name), '')
    }
    const { logger, close } = await createLogger({
      directory,
      console: 'off',
      retentionDays: 3,
      now: () => noon(24),
    })
    logger.info('today')
    await close()

    const expected = [...others, ...kept, 'etl_20260102.log', 'etl_20261124.log', 'etl_latest.log']
    expect((await readdir(directory)).sort()).toEqual(expected.sort())
  })

  it('lose no line when two processes write at once', async () => {
    const write = `for (let i = 0; i < 500; i++) logger.info('line', { i, filler: 'x'.repeat(300) })`
    await Promise.all(['a', 'b'].map(() => inChild('UTC', `now: () => new Date(1795516200000)`, write)))

    const indices = (await folder.linesOf('etl_latest.log')).map((line) => line['i']).sort()
    expect(indices).toEqual([...Array(500).keys(), ...Array(500).keys()].sort())
    expect(await readdir(directory)).toHaveLength(2)
  })

  it('never fail the run: what cannot be written is said once on the console', async () => {
    await mkdir(join(directory, '..'), { recursive: true })
    await writeFile(directory, 'a file where the folder should be')
    const screen = capture()
    const { logger, close } = await createLogger({ directory, console: screen.stream, retentionDays: 0 })
    logger.info('one')
    logger.info('two')
    await close()

    const lines = screen.text().trimEnd().split('\n')
    expect(lines.filter((line) => line.includes('Could not write the log file'))).toHaveLength(1)
    expect(lines.filter((line) => / INFO {2}(one|two)$/.test(line))).toHaveLength(2)
  })

  it.each([
    ['a link', (path: string) => symlink(join(directory, 'other'), path)],
    ['a second name of another file', (path: string) => link(join(directory, 'other'), path)],
    ['a pipe', (path: string) => promisify(execFile)('mkfifo', [path])],
  ])('are not written through %s that somebody has put in their place', async (_, put) => {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'other'), 'untouched')
    await put(join(directory, 'etl_20261124.log'))
    const screen = capture()
    const { logger, close } = await createLogger({ directory, console: screen.stream, now: () => noon(24) })
    logger.info('one')
    logger.info('two')
    await close()

    expect(await readFile(join(directory, 'other'), 'utf8')).toBe('untouched')
    expect(screen.text().match(/Could not write the log file/g)).toHaveLength(1)
    expect(screen.text()).toMatch(/ INFO {2}two$/m)
  })

  it('are reported as a process warning when there is no console', async () => {
    await mkdir(join(directory, '..'), { recursive: true })
    await writeFile(directory, '')
    const warned = once(process, 'warning')
    const { logger, close } = await createLogger({ directory, console: 'off' })
    logger.info('one')
    await close()
    expect((await warned)[0]).toMatchObject({ name: 'ChatwootSyncLogWarning' })
  })
})

describe('the console', () => {
  it('shows one entry a line, whatever the data holds', async () => {
    const screen = capture()
    const { logger, close } = await createLogger({
      console: screen.stream,
      level: 'debug',
      now: () => noon(24),
    })
    logger.warn('Oi\n12:00:00 ERROR forged \u001b[2J', { name: 'a b', rows: 3, absent: undefined })
    await close()
    expect(screen.text()).toBe('12:00:00 WARN  Oi\\n12:00:00 ERROR forged \\u001b[2J name="a b" rows=3\n')
  })

  it('is waited for by flush', async () => {
    const screen = capture(5)
    const { logger, flush, close } = await createLogger({ console: screen.stream })
    for (let line = 0; line < 20; line += 1) logger.info(`line ${line}`)
    expect(screen.text()).not.toContain('line 19')
    await flush()
    expect(screen.text()).toContain('line 19')
    await close()
  })

  it('may break without failing anything', async () => {
    const stream = new Writable({
      write: (_chunk, _encoding, done) => process.nextTick(done, new Error('EPIPE')),
    })
    const broken = new Promise((resolve) => stream.once('close', resolve))
    const { logger, close } = await createLogger({ directory, console: stream, now: () => noon(24) })
    logger.info('one')
    await broken
    logger.info('two')
    await close()
    expect(await folder.linesOf('etl_latest.log')).toHaveLength(2)
  })

  it('may break while it is being closed', async () => {
    const stream = new Writable({
      write: (_chunk, _encoding, done) => process.nextTick(done, new Error('EPIPE')),
    })
    const broken = new Promise((resolve) => stream.once('close', resolve))
    const { logger, close } = await createLogger({ console: stream })
    logger.info('one')
    await close()
    await broken
  })
})

it('loads tslog only when a logger is made', async () => {
  const loaded = vi.fn()
  vi.doMock('tslog', async (original) => {
    loaded()
    return original()
  })
  vi.resetModules()
  const fresh = await import('../../bin/logs/logger.js')
  expect(loaded).not.toHaveBeenCalled()
  await (await fresh.createLogger({ console: 'off' })).close()
  expect(loaded).toHaveBeenCalledOnce()
  vi.doUnmock('tslog')
})

it.each([{ level: 'loud' as never }, { retentionDays: -1 }, { retentionDays: 1.5 }, { retentionDays: NaN }])(
  'refuses the options %j',
  async (options) => {
    await expect(createLogger(options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  },
)

async function inChild(timeZone: string, options: string, work: string): Promise<void> {
  const code = `
    import { createLogger } from ${JSON.stringify(pathToFileURL(builtFile('bin/logs/logger.ts')).href)}
    const { logger, close } = await createLogger({ directory: ${JSON.stringify(directory)}, console: 'off', ${options} })
    ${work}
    await close()`
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { TZ: timeZone, PATH: '' },
  })
}
