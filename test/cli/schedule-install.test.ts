import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { parseDotenv } from '../../bin/flags/dotenv.js'
import { installSchedule, readScheduleStatus, removeSchedule } from '../../bin/schedule/install.js'
import { systemdUnits } from '../../bin/schedule/systemd-units.js'
import { openShell } from '../fixtures/cli-fixture.js'

const run = promisify(execFile)
const command = ['/usr/bin/chatwoot-sync']

const hasSystemd = await run('systemd-analyze', ['--version']).then(
  () => true,
  () => false,
)

let folder: string
let shell: Awaited<ReturnType<typeof openShell>>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schedule-'))
  shell = await openShell()
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await shell[Symbol.asyncDispose]()
})

/** A systemctl that records its arguments, because no systemd runs where tests do. */
const recorder = (file: string) => `#!/bin/sh
echo "$*" >> '${file}'
case "$*" in *show*) printf 'ActiveState=active\\nNextElapseUSecRealtime=Thu 2026-11-26 03:00:00 UTC\\n' ;; esac
`

/** As the Python pipeline has it, with a certificate beside it and a setting of another program. */
const dotenv = `SOURCE_DB_HOST=db.example.com
SOURCE_DB_PORT=6432
SOURCE_DB_NAME=chatwoot
SOURCE_DB_USER=chatwoot_read
SOURCE_DB_PASSWORD=abc#123\\ "x" # of the source
SOURCE_DB_SSLROOTCERT=ca.pem
LOCAL_DB_HOST=localhost
LOCAL_DB_PORT=5432
LOCAL_DB_NAME=allpfit
LOCAL_DB_USER=analytics
LOCAL_DB_PASSWORD='it is'
OTHER=mine
`

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

describe('installing', () => {
  it('writes units and a file for the settings that nobody else can read; removing leaves that', async () => {
    const directory = join(folder, 'units')
    const environmentFile = join(folder, 'settings', 'environment')
    const place = ['--directory', directory]
    const args = [
      'schedule',
      'install',
      ...place,
      '--environment-file',
      environmentFile,
      '--command',
      '/usr/bin/env',
    ]
    const { code, stdout } = await shell.run(args)
    expect(code).toBe(0)
    expect(stdout).toContain('fill it in before the first run')
    expect([await modeOf(environmentFile), await modeOf(join(folder, 'settings'))]).toEqual([0o600, 0o700])
    expect(await readFile(join(directory, 'chatwoot-sync.service'), 'utf8')).toContain(
      `EnvironmentFile=${environmentFile}`,
    )
    expect(await shell.run(['schedule', 'status', ...place])).toMatchObject({ code: 0 })

    await writeFile(environmentFile, 'SOURCE_DB_HOST=mine\n')
    expect(JSON.parse((await shell.run([...args, '--json'])).stdout)).toMatchObject({
      environmentFileIsNew: false,
    })
    expect(await shell.run(['schedule', 'remove', ...place])).toMatchObject({ code: 0 })
    expect(await readdir(directory)).toEqual([])
    expect(await readFile(environmentFile, 'utf8')).toBe('SOURCE_DB_HOST=mine\n')
    const none = await shell.run(['schedule', 'status', '--json', ...place])
    expect({ code: none.code, ...JSON.parse(none.stdout) }).toMatchObject({
      code: 4,
      installed: false,
      files: [],
    })
  })

  it('rejects settings that others can read', async () => {
    const environmentFile = join(folder, 'open')
    await writeFile(environmentFile, '')
    await chmod(environmentFile, 0o640)
    const directory = join(folder, 'never')
    const rejected = installSchedule({ command, directory, environmentFile })
    await expect(rejected).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      remedy: `Run chmod 600 ${environmentFile}, then this command again.`,
    })
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('rejects a program that the user of the service cannot reach', async () => {
    const home = join(folder, 'home')
    await mkdir(home, { mode: 0o755 })
    const program = join(home, 'node')
    await writeFile(program, '', { mode: 0o755 })
    await chmod(folder, 0o755)
    const options = { command: [program], directory: join(folder, 'n'), environmentFile: join(folder, 'e') }
    expect(await installSchedule(options)).toMatchObject({ active: false })
    await chmod(home, 0o750)
    await expect(installSchedule(options)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`because ${home} is closed to them`),
    })
    expect(await installSchedule({ ...options, runAs: 'etl' })).toMatchObject({ active: false })
    await chmod(folder, 0o700)
  })

  it.runIf(hasSystemd)('rejects times that systemd does not know, before anything is written', async () => {
    const directory = join(folder, 'no-times')
    const options = { command, directory, environmentFile: join(folder, 'no-times-environment') }
    await expect(installSchedule({ ...options, calendar: 'each night' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('"each night" is not a systemd calendar expression.'),
    })
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await installSchedule({ ...options, calendar: 'Mon..Fri 06:30' })).toMatchObject({ active: false })
  })

  it('for a user calls the systemd of that user', async () => {
    const home = join(folder, 'user-home')
    await mkdir(join(home, 'bin'), { recursive: true })
    const asked = join(home, 'asked')
    await writeFile(join(home, 'bin', 'systemctl'), recorder(asked), { mode: 0o755 })
    const variables = { HOME: home, PATH: `${join(home, 'bin')}:${process.env['PATH'] ?? ''}` }
    const userUnits = join(home, '.config/systemd/user')

    // Without settings every run would fail, which nobody sees.
    const empty = await shell.run(['schedule', 'install', '--user', '--json'], variables)
    expect({ code: empty.code, ...JSON.parse(empty.stdout) }).toMatchObject({
      ...{ code: 2, environmentFileIsNew: true, environmentFileFrom: null, active: false },
      settingsProblem: expect.stringMatching(/^Settings are missing: SOURCE_DB_HOST, .*LOCAL_DB_USER\.$/),
    })
    expect(await readFile(asked, 'utf8')).toBe('--user --no-pager daemon-reload\n')
    expect(
      (await shell.run(['schedule', 'install', '--user'], variables)).stdout.replaceAll(/\s+/g, ' '),
    ).toMatch(
      /No timer was enabled\. Settings are missing: .*\. Fill in \S+environment, then run this command again\./,
    )
    await writeFile(asked, '')
    await shell.write('ca.pem', '')
    await shell.write('.env', dotenv)

    const installed = await shell.run(['schedule', 'install', '--user'], variables)
    expect(installed).toMatchObject({ code: 0, stderr: '' })
    expect(installed.stdout).toContain('loginctl enable-linger')
    expect((await readdir(userUnits)).sort()).toEqual(
      systemdUnits({ command })
        .map(({ name }) => name)
        .sort(),
    )
    const environmentFile = join(home, '.config/chatwoot-sync/environment')
    expect(installed.stdout.replaceAll(/\s+/g, ' ')).toMatch(
      /Wrote \S+environment with the settings of \S+\/\.env; the timers read only the former\./,
    )
    expect(await modeOf(environmentFile)).toBe(0o600)
    expect(parseDotenv(await readFile(environmentFile, 'utf8')).values).toEqual({
      ...parseDotenv(dotenv.replace(/OTHER=.*/, '')).values,
      SOURCE_DB_SSLROOTCERT: expect.stringMatching(/^\/.*\/ca\.pem$/),
    })
    await shell.write('.env', dotenv.replace('chatwoot_read', 'another'))
    expect((await shell.run(['schedule', 'install', '--user'], variables)).stdout).toContain(
      'The settings are in',
    )
    expect(await readFile(environmentFile, 'utf8')).not.toContain('another')
    await writeFile(asked, (await readFile(asked, 'utf8')).split('\n').slice(2).join('\n'))
    const status = await shell.run(['schedule', 'status', '--user', '--json'], variables)
    expect(JSON.parse(status.stdout)).toMatchObject({ installed: true, next: 'Thu 2026-11-26 03:00:00 UTC' })
    expect(await shell.run(['schedule', 'remove', '--user'], variables)).toMatchObject({ code: 0 })
    expect(await readdir(userUnits)).toEqual([])

    const timers = 'chatwoot-sync.timer chatwoot-sync-health.timer'
    const shown = '--property=ActiveState,NextElapseUSecRealtime,LastTriggerUSec,Result'
    expect((await readFile(asked, 'utf8')).trimEnd().split('\n')).toEqual([
      '--user --no-pager daemon-reload',
      `--user --no-pager enable --now ${timers}`,
      `--user --no-pager show chatwoot-sync.timer ${shown}`,
      `--user --no-pager show chatwoot-sync.service ${shown}`,
      `--user --no-pager disable --now ${timers}`,
      '--user --no-pager daemon-reload',
    ])
  })

  it('counts the unit files that exist', async () => {
    const directory = join(folder, 'part')
    await installSchedule({ command, directory, environmentFile: join(folder, 'part-environment') })
    await rm(join(directory, 'chatwoot-sync.timer'))
    expect(await readScheduleStatus({ directory })).toMatchObject({ installed: false })
    expect(await removeSchedule({ directory })).toHaveLength(3)
  })
})
