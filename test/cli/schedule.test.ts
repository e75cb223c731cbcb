import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { crontabLines } from '../../bin/schedule/crontab.js'
import { installSchedule } from '../../bin/schedule/install.js'
import { systemdUnits } from '../../bin/schedule/systemd-units.js'
import { openShell } from '../fixtures/cli-fixture.js'

const run = promisify(execFile)
const example = (name: string) => readFile(new URL(`../../examples/${name}`, import.meta.url), 'utf8')
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

describe('what is printed', () => {
  it('for systemd is what examples contain', async () => {
    const { code, stdout } = await shell.run(['schedule', 'print', '--command', '/usr/bin/chatwoot-sync'])
    const names = systemdUnits({ command }).map(({ name }) => name)
    const files = await Promise.all(names.map((name) => example(`systemd/${name}`)))
    expect({ code, stdout }).toEqual({ code: 0, stdout: files.join('\n') })
    expect((await readdir(new URL('../../examples/systemd', import.meta.url))).sort()).toEqual(names.sort())
  })

  it('for cron is what examples contain', async () => {
    const args = ['schedule', 'print', '--cron', '--command', '/usr/bin/chatwoot-sync']
    expect(await shell.run(args)).toEqual({
      code: 0,
      stdout: await example('cron/chatwoot-sync.cron'),
      stderr: '',
    })
    const other = await shell.run(['schedule', 'print', '--cron', '30 6 * * 1-5'])
    expect(other.stdout).toMatch(/^30 6 \* \* 1-5 \/\S+node\S* \/\S+ sync --triggered-by scheduler/m)
  })

  it('for cron in a clone names the settings and the logs there, and says where there are none', async () => {
    await using clone = await openShell()
    const none = await clone.run(['schedule', 'print', '--cron'])
    expect(none).toMatchObject({ code: 0, stderr: expect.stringMatching(/there is no \S+environment\. /) })
    await clone.write('.env', 'SOURCE_DB_HOST=x\n')
    const { stdout, stderr } = await clone.run(['schedule', 'print', '--cron'])
    expect(stderr).toBe('')
    const [, sync = '', health = ''] = stdout.split('\n')
    for (const line of [sync, health]) {
      expect(line).toMatch(/ --env (\/\S+)\/\.env --log-dir \1\/logs\/etl$/)
      expect(line).toContain(` ${await clone.realpath()}/`)
    }
  })
})

describe('unit files', () => {
  const settings = (options: Partial<Parameters<typeof systemdUnits>[0]> = {}) => {
    const [service, timer] = systemdUnits({ command, ...options })
    return `${service?.content ?? ''}${timer?.content ?? ''}`.split('\n')
  }

  it('run it each night, catch up on a missed run, and treat a held lock as success', () => {
    expect(settings()).toEqual(
      expect.arrayContaining([
        'OnCalendar=*-*-* 03:00:00',
        'Persistent=true',
        'After=network-online.target postgresql.service',
        'SuccessExitStatus=3',
        'Restart=on-failure',
        'EnvironmentFile=/etc/chatwoot-sync/environment',
        'ProtectSystem=strict',
      ]),
    )
  })

  it('contain what the options say', () => {
    const found = settings({
      ...{ calendar: 'Mon..Fri 06:30', runAs: 'etl', environmentFile: '/srv/sync 50%.env' },
      ...{ command: ['/opt/no de/node', '/opt/$x/50%"'], extra: ['--account', '1'] },
    })
    expect(found).toEqual(
      expect.arrayContaining([
        'OnCalendar=Mon..Fri 06:30',
        'User=etl',
        'EnvironmentFile=/srv/sync 50%%.env',
        'ExecStart="/opt/no de/node" "/opt/$$x/50%%\\"" sync --triggered-by scheduler --quiet --log-dir %L/chatwoot-sync --account 1',
      ]),
    )
    expect(found).not.toContain('DynamicUser=true')
  })

  it.each([
    { command: ['chatwoot-sync'] },
    { calendar: 'daily\nExecStartPre=/bin/evil' },
    { runAs: '' },
    { environmentFile: 'relative.env' },
  ])('are rejected for %j', (options) => {
    expect(() => systemdUnits({ command, ...options })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
  })

  it('name every setting in a section, once', () => {
    for (const scope of ['system', 'user'] as const) {
      for (const { content } of systemdUnits({ command, scope })) {
        const lines = content.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
        expect(lines[0]).toBe('[Unit]')
        const names = lines.filter((line) => !/^\[(Unit|Service|Timer|Install)\]$/.test(line))
        expect(names.every((line) => /^[A-Z][A-Za-z]+=/.test(line))).toBe(true)
        expect(new Set(names.map((line) => line.split('=')[0])).size).toBe(names.length)
      }
    }
  })

  it.runIf(hasSystemd)('pass systemd-analyze verify, of the system and of a user', async () => {
    for (const scope of ['system', 'user'] as const) {
      const directory = join(folder, `verify-${scope}`)
      const environmentFile = join(folder, 'environment')
      // It also looks whether the program is there.
      const options = {
        command: [process.execPath, '/opt/my scripts/50%'],
        directory,
        scope,
        environmentFile,
      }
      const { files } = await installSchedule({ ...options, runAs: scope === 'system' ? 'root' : undefined })
      const env = { PATH: process.env['PATH'], HOME: folder, XDG_RUNTIME_DIR: folder }
      const flags = scope === 'user' ? ['--user'] : []
      expect(await run('systemd-analyze', [...flags, 'verify', ...files], { env })).toEqual({
        stdout: '',
        stderr: '',
      })
      // What the sandbox leaves open, from 0 to 10: a service without one has above 9.
      const exposure = ['security', '--offline=yes', '--threshold=25', files[0] ?? '']
      if (scope === 'system') await run('systemd-analyze', exposure, { env })
      await writeFile(files[0] ?? '', '[Service]\nType=oneshot\nNoSuchSetting=1\n', { flag: 'a' })
      expect((await run('systemd-analyze', [...flags, 'verify', ...files], { env })).stderr).toContain(
        'NoSuchSetting',
      )
    }
  })
})

describe('lines for cron', () => {
  it('reach the program unchanged, whatever is in them', async () => {
    const lines = crontabLines({
      command: [process.execPath, '-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--'],
      environmentFile: `/srv/it's 50%.env`,
      extra: ['--account', '1'],
    })
    const line = lines.split('\n')[1] ?? ''
    // What cron does: five fields, then the shell, to which it gives a bare percent sign for an escaped one.
    const shellLine = line.split(' ').slice(5).join(' ').replaceAll('\\%', '%')
    const { stdout } = await run('/bin/sh', ['-c', shellLine])
    expect(JSON.parse(stdout)).toEqual([
      ...['sync', '--triggered-by', 'scheduler', '--quiet', '--env', `/srv/it's 50%.env`],
      ...['--log-dir', '/var/log/chatwoot-sync', '--account', '1'],
    ])
    expect(line).not.toMatch(/[^\\]%/)
  })

  it.each(['0 3 * *', '0 3 * * *\n* * * * * evil'])('are rejected for the times %j', (times) => {
    expect(() => crontabLines({ command, times })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
  })
})
