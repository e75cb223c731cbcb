import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { defaults } from '../../lib/options.js'
import { openShell } from '../fixtures/cli-fixture.js'

let shell: Awaited<ReturnType<typeof openShell>>
beforeEach(async () => {
  shell = await openShell()
})
afterEach(() => shell[Symbol.asyncDispose]())

describe('wrong use', () => {
  it.each([
    [['sync', '--ful'], `unknown option '--ful' (Did you mean --full?)`],
    [['sinc'], `unknown command 'sinc' (Did you mean sync?)`],
    [['help', 'sinc'], `unknown command 'sinc' (Did you mean sync?)`],
    [['sync', 'now'], `too many arguments for 'sync'. Expected 0 arguments but got 1.`],
    [
      ['sync', '--batch-size', '-5'],
      `option '--batch-size <rows>' argument '-5' is invalid. Use a whole number of 1 or more.`,
    ],
    [
      ['sync', '--skew-allowance', '60'],
      `option '--skew-allowance <time>' argument '60' is invalid. Use a duration such as 500ms, 60s, 2m, 1h or 1d.`,
    ],
    [
      ['sync', '--max-delete-share', '1.5'],
      `option '--max-delete-share <share>' argument '1.5' is invalid. Use a share such as 0.2 or 20%.`,
    ],
  ])('%j is reported in one line and ends with 2', async (args, message) => {
    expect(await shell.run(args)).toEqual({ code: 2, stdout: '', stderr: `chatwoot-sync: ${message}\n` })
    expect(await shell.files()).toEqual([])
  })

  it('without a command shows the commands', async () => {
    const { code, stderr } = await shell.run([])
    expect(code).toBe(2)
    expect(stderr).toContain('migrate')
  })
})

describe('settings', () => {
  it('that are missing are all named at once, and no file is left', async () => {
    const { code, stdout, stderr } = await shell.run(['sync'])
    expect(stderr).toBe(
      'chatwoot-sync: Settings are missing: SOURCE_DB_HOST, SOURCE_DB_NAME, SOURCE_DB_USER, SOURCE_DB_PASSWORD, ' +
        'LOCAL_DB_HOST, LOCAL_DB_NAME, LOCAL_DB_USER, LOCAL_DB_PASSWORD. ' +
        'Copy .env.example to .env and fill it in, or set them in the environment. (CONFIG_MISSING)\n',
    )
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(await shell.files()).toEqual([])
  })

  it('of the target are enough for what only needs the target', async () => {
    const { code, stderr } = await shell.run(['status'], { LOCAL_DB_HOST: '127.0.0.1', LOCAL_DB_USER: 'me' })
    expect(code).toBe(2)
    expect(stderr).toContain('Settings are missing: LOCAL_DB_NAME, LOCAL_DB_PASSWORD.')
  })

  it('in a .env that others can read are used, with a warning; the environment wins', async () => {
    await shell.write(
      '.env',
      'LOCAL_DB_PORT=5433\nLOCAL_DB_HOST=h\nLOCAL_DB_NAME=n\nLOCAL_DB_USER=u\nLOCAL_DB_PASSWORD=',
      0o644,
    )
    const { code, stderr } = await shell.run(['status'], { LOCAL_DB_PORT: '70000' })
    expect(stderr).toBe(
      'chatwoot-sync: other users can read .env. Run: chmod 600 .env\n' +
        'chatwoot-sync: LOCAL_DB_PORT is "70000", which is not a port. ' +
        'Use a number from 1 to 65535, usually 5432. (CONFIG_INVALID)\n',
    )
    expect(code).toBe(2)
  })

  it('in an invalid URL are rejected without showing it', async () => {
    const { code, stderr } = await shell.run(['status'], { LOCAL_DATABASE_URL: 'postgres://me:pass@word@/#' })
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /^chatwoot-sync: LOCAL_DATABASE_URL is not the URL of a PostgreSQL database\..*\n$/,
    )
    expect(stderr).not.toContain('word@/')
  })

  it('in a file that is named must be there', async () => {
    const { code, stderr } = await shell.run(['doctor', '--env', 'no.env'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^chatwoot-sync: The settings file no\.env .*CONFIG_MISSING\)\n$/)
  })

  it.each([
    [
      ['--relation', 'mine'],
      ['--key', '--changed-at'],
    ],
    [
      ['--ignore-changes', 'age'],
      ['--relation', '--key', '--changed-at'],
    ],
    [
      ['--changed-at-zone', 'America/Sao_Paulo'],
      ['--relation', '--key', '--changed-at'],
    ],
  ])('of a relation come together: %j misses %j', async (args, missing) => {
    const variables = { SOURCE_DATABASE_URL: 'postgres://h/a', LOCAL_DATABASE_URL: 'postgres://h/b' }
    const { code, stdout } = await shell.run(['sync', ...args, '--json'], variables)
    expect(code).toBe(2)
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'CONFIG_MISSING', details: { missing } })
  })
})

describe('help', () => {
  it.each(['migrate', 'sync', 'status', 'doctor', 'demo'])('of %s ends with examples', async (command) => {
    const { code, stdout, stderr } = await shell.run(['help', command])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(`Examples:\n  chatwoot-sync ${command}`)
    expect(longestLine(stdout)).toBeLessThanOrEqual(80)
  })

  it('shows the defaults of the library', async () => {
    const { stdout } = await shell.run(['sync', '--help'])
    const { table, pipeline, batchSize, skewAllowance, statementTimeout, maxDeleteShare } = defaults
    const shown = [...stdout.matchAll(/^ +--([a-z-]+)[^(\n]*\(([^)"]+)\)$/gm)].map(([, name, value]) => [
      name,
      value,
    ])
    expect(Object.fromEntries(shown)).toMatchObject({
      table,
      pipeline,
      'batch-size': String(batchSize),
      'skew-allowance': `${skewAllowance / 1000}s`,
      'statement-timeout': `${statementTimeout / 60_000}m`,
      'max-rejects': '100 or 1 %',
      'max-delete-share': String(maxDeleteShare),
    })
  })

  it('and version need no settings', async () => {
    const help = await shell.run(['--help'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toMatch(/migrate[^]*sync[^]*status[^]*doctor[^]*demo[^]*Examples:/)
    expect(longestLine(help.stdout)).toBeLessThanOrEqual(80)
    expect(await shell.run(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
  })
})

function longestLine(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length))
}
