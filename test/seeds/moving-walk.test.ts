import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { openPair, openShell, type Pair } from '../fixtures/cli-fixture.js'
import { MarkdownPage } from '../fixtures/markdown-page.js'
import { makePythonTarget, pythonViews } from '../fixtures/python-target.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'

/** The page on moving from Python, step by step as it is written, on an old world. */
const page = new MarkdownPage('docs/moving-from-python.md')

let pair: Pair
let target: TestDatabase
let shell: Awaited<ReturnType<typeof openShell>>
beforeAll(async () => {
  ;[pair, target, shell] = await Promise.all([openPair(), cloneDatabase('target', 'template0'), openShell()])
  await makeOldWorld()
})
afterAll(async () => {
  await pair.source.query('drop view vw_conversations_analytics_final')
  await Promise.all([
    pair[Symbol.asyncDispose](),
    target[Symbol.asyncDispose](),
    shell[Symbol.asyncDispose](),
  ])
})

it('has steps of which each works as it is written', { timeout: 300_000 }, async () => {
  const steps = commands('The steps').filter((line) => /chatwoot-sync/.test(line))
  const codes: Record<string, number | null> = {}
  for (const step of steps) codes[step] = (await run(step)).code
  expect(codes).toEqual({
    // Until migrate has run, something is to be done.
    'npx chatwoot-sync doctor': 4,
    'npx chatwoot-sync migrate': 0,
    'npx chatwoot-sync sync': 0,
    'npx chatwoot-sync sync --full': 0,
    'npx chatwoot-sync verify': 0,
    'sudo "$(command -v node)" dist/bin/chatwoot-sync.cjs schedule install --run-as "$USER"': 0,
    '(crontab -l; node dist/bin/chatwoot-sync.cjs schedule print --cron) | crontab -': 0,
  })
  expect(await readFile(join(home(), 'asked'), 'utf8')).toContain('enable --now chatwoot-sync.timer')
  // The service has the settings, and nothing else of the file.
  const settings = ['--env', join(home(), '.config/chatwoot-sync/environment')]
  expect(await shell.run(['doctor', ...settings])).toMatchObject({ code: 0 })
  expect(await shell.run(['health', ...settings])).toMatchObject({ code: 0 })
  expect(await readFile(settings[1] ?? '', 'utf8')).not.toContain('OTHER')

  const [back = ''] = page.blocks('sql', 'The way back')
  await target.query(back)
  await target.query(pythonViews)
  const again = await run('npx chatwoot-sync migrate')
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('etl_control_python') })
  expect(await run('npx chatwoot-sync sync --full')).toMatchObject({ code: 0 })
  expect(await run('npx chatwoot-sync health')).toMatchObject({ code: 0 })
})

it(
  'has a command for those who may only read the view, after which verify and health are clean',
  { timeout: 300_000 },
  async () => {
    const [command = ''] = commands('When only the view may be read')
    expect(await run(`${command} --pipeline viewed`)).toMatchObject({ code: 0 })
    const verify = `${command.replace('chatwoot-sync sync', 'chatwoot-sync verify')} --pipeline viewed`
    expect(await run(verify)).toMatchObject({ code: 0 })
    expect(await run('npx chatwoot-sync health --pipeline viewed')).toMatchObject({ code: 0 })
    const doctor = await run(`${command.replace('chatwoot-sync sync', 'chatwoot-sync doctor')} --json`)
    expect(doctor.stdout).toContain('Columns that depend on the time of reading are ignored')
  },
)

it('gives the timer of such a relation the options of its runs, and makes each a full one', async () => {
  const [run = '', install = ''] = commands('When only the view may be read')
  const { stdout } = await promisify(execFile)('bash', ['-c', `printf '%s\\n' ${install}`])
  const words = stdout.split('\n').flatMap((word) => /^--sync-option=(.*)$/.exec(word)?.[1] ?? [])
  expect(words.join(' ')).toBe(`${run.replace('npx chatwoot-sync sync ', '')} --full`)
})

/** The lines of the commands under a heading. */
function commands(heading: string): string[] {
  return page
    .blocks('sh', heading)
    .flatMap((block) => block.replaceAll(/ \\\n\s*/g, ' ').split('\n'))
    .filter((line) => line !== '')
}

/** A line as it is written, but for the program, which is the build, and root, of which systemd is that of a user. */
async function run(line: string) {
  const words = line.replace(/^\(crontab -l; (.*)\) \| crontab -$/, '$1').split(' ')
  const [, ...args] = words.slice(words.findIndex((word) => /^chatwoot-sync$|chatwoot-sync\.cjs$/.test(word)))
  const plain = args.filter((word) => !['--run-as', '"$USER"'].includes(word))
  const scope = plain[0] === 'schedule' && plain[1] === 'install' ? ['--user'] : []
  return shell.run([...plain, ...scope], { HOME: home(), PATH: `${home()}/bin:${process.env['PATH'] ?? ''}` })
}

let folder = ''
const home = () => join(folder, 'home')

async function makeOldWorld() {
  folder = await shell.realpath()
  await mkdir(join(home(), 'bin'), { recursive: true })
  await writeFile(join(home(), 'bin', 'systemctl'), `#!/bin/sh\necho "$*" >> '${join(home(), 'asked')}'\n`)
  await chmod(join(home(), 'bin', 'systemctl'), 0o755)

  const [{ watermark } = { watermark: '' }] = await pair.source.query<{ watermark: string }>(
    'select max(updated_at)::text as watermark from conversations',
  )
  await makePythonTarget(target, watermark)
  await target.query(`
    alter table conversas_analytics
      add column waiting_time_seconds integer, add column is_waiting_long boolean, add column is_snoozed boolean,
      add column is_yesterday boolean, add column is_this_week boolean, add column is_this_month boolean,
      add column is_this_year boolean;
    insert into etl_control (status, load_type, triggered_by, completed_at) values ('success', 'manual', 'systemd', now())`)
  await pair.source.query(`
    create view vw_conversations_analytics_final as
    select
      id as conversation_id, display_id, status, created_at as conversation_created_at, updated_at as conversation_updated_at,
      extract(epoch from now() - created_at)::integer as waiting_time_seconds,
      now() - created_at > interval '1 hour' as is_waiting_long,
      coalesce(snoozed_until > now(), false) as is_snoozed,
      current_date - created_at::date as days_since_creation,
      created_at::date = current_date as is_today,
      created_at::date = current_date - 1 as is_yesterday,
      created_at >= date_trunc('week', current_date) as is_this_week,
      created_at >= date_trunc('month', current_date) as is_this_month,
      extract(year from created_at) = extract(year from current_date) as is_this_year
    from conversations;
    grant select on vw_conversations_analytics_final to ${pair.reader.user}`)

  const password = `a#${randomBytes(6).toString('hex')}`
  await pair.source.query(`alter role ${pair.reader.user} password '${password}'`)
  const { hostname, port, username, password: local, pathname } = new URL(target.url)
  await shell.write(
    '.env',
    `# Banco REMOTO
SOURCE_DB_HOST=${pair.variables['SOURCE_DB_HOST'] ?? ''}
SOURCE_DB_PORT=${pair.variables['SOURCE_DB_PORT'] ?? ''}
SOURCE_DB_NAME=${pair.source.name}
SOURCE_DB_USER=${pair.reader.user}
SOURCE_DB_PASSWORD=${password}

LOCAL_DB_HOST=${decodeURIComponent(hostname)}
LOCAL_DB_PORT=${port}
LOCAL_DB_NAME=${pathname.slice(1)}
LOCAL_DB_USER=${decodeURIComponent(username)}
LOCAL_DB_PASSWORD='${decodeURIComponent(local)}'   # local
OTHER=mine
`,
  )
}
