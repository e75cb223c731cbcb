import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'

import { expect, it } from 'vitest'

import { checkHealth, sendAlerts } from '../../lib/index.js'
import { openReceiver } from '../fixtures/alerts-fixture.js'
import { helpOf, openPair, openShell } from '../fixtures/cli-fixture.js'
import { lakeDifferences, marksOf, openPlace, versionsIn } from '../fixtures/lake-fixture.js'

async function openCommand() {
  const pair = await openPair()
  const shell = await openShell()
  const place = await openPlace()
  const run = (...args: string[]) =>
    shell.run([...args, ...(args[0] === 'doctor' ? [] : ['--no-log-file'])], pair.variables)
  expect(await run('sync')).toMatchObject({ code: 0 })
  return {
    ...pair,
    ...{ place, run },
    start: (...args: string[]) => shell.start([...args, '--no-log-file'], pair.variables),
    change: () => pair.target.query(`update conversas_analytics set contact_name = contact_name || '.'`),
    [Symbol.asyncDispose]: async () => {
      await place[Symbol.asyncDispose]()
      await shell[Symbol.asyncDispose]()
      await pair[Symbol.asyncDispose]()
    },
  }
}

it('the command writes a lake, checks it, and says what it has done', async () => {
  await using at = await openCommand()
  const to = at.place.at('lake')
  const first = await at.run('lake', '--to', to)
  expect(first.stderr).toBe('')
  expect(first.stdout).toMatch(/^Version 0: 30 rows of .+ written, \d+ kB, in .+ \(first version\)\.\n/)
  expect(first.stdout).toMatch(/The lake equals the table as of .+ UTC: 30 rows in \d+ files, \d+ kB\.\n$/)
  expect(await at.run('lake', '--to', to, '--check')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Version 0 equals the table as of /),
  })
  const same = await at.run('lake', '--to', to, '--json', '--vacuum', '7d')
  expect(JSON.parse(same.stdout)).toMatchObject({
    lake: to,
    version: 0,
    committed: false,
    vacuumed: { files: 0 },
  })

  await at.target.query(
    `set session_replication_role = replica; delete from conversas_analytics where conversation_id = 1`,
  )
  const check = await at.run('lake', '--to', to, '--check')
  expect(check).toMatchObject({ code: 4, stdout: expect.stringContaining('changed without a mark') })
  expect(await at.run('lake', '--to', to, '--repair')).toMatchObject({ code: 0 })
  expect(await lakeDifferences(at.target, to)).toEqual([])

  expect(await at.run('lake', '--to', to, '--unregister')).toMatchObject({ code: 0 })
  expect(await at.run('lake', '--to', to, '--unregister')).toMatchObject({
    stdout: expect.stringContaining('is not registered'),
  })
  expect(await at.run('lake', '--to', to)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('LAKE_TAKEN'),
  })
  expect(await at.run('lake', '--to', 'ftp://host/lake')).toMatchObject({ code: 2 })
  expect(await at.run('lake')).toMatchObject({ code: 2 })
  expect(await helpOf('lake')).toContain('s3://bucket/prefix')
})

it('a lake that fails fails no run, and shows in its report, in health and in an alert until it is up to date', async () => {
  await using at = await openCommand()
  const [good, bad] = [at.place.at('good'), at.place.at('bad')]
  for (const to of [good, bad]) expect(await at.run('lake', '--to', to)).toMatchObject({ code: 0 })
  await rm(bad, { recursive: true })
  await writeFile(bad, 'no folder')
  const target = at.target.url
  for (let run = 0; run < 3; run += 1) {
    await at.change()
    const { code, stdout } = await at.run('sync', '--lake', '--json')
    expect(code).toBe(0)
    const { executionId, warnings } = JSON.parse(stdout)
    expect(warnings.at(-1)).toEqual({ code: 'LAKE_FAILED', message: expect.stringContaining(bad) })
    expect(warnings.filter(({ code: each }: { code: string }) => each === 'LAKE_FAILED')).toHaveLength(1)
    expect(
      await at.target.query('select warnings from etl_control where execution_id = $1', [executionId]),
    ).toEqual([{ warnings }])
  }
  const marks = await at.target.query('select month from etl_lake_months where lake = $1', [bad])
  expect(marks.length).toBeLessThanOrEqual(2 * (await marksOf(at.target, bad)).length)
  expect(await lakeDifferences(at.target, good)).toEqual([])
  const lakeOf = async () => (await checkHealth({ target })).checks.find(({ name }) => name === 'lake')
  expect(await lakeOf()).toMatchObject({
    outcome: 'warning',
    message: expect.stringContaining(`${bad}: STORAGE_FAILED`),
    remedy: expect.stringContaining('--unregister'),
  })
  const doctor = await at.run('doctor', '--json')
  expect(
    JSON.parse(doctor.stdout).checks.filter(({ name }: { name: string }) => name === 'target-lake'),
  ).toMatchObject([
    { outcome: 'warning', message: expect.stringContaining(bad) },
    { outcome: 'ok', message: expect.stringContaining('its version is 3') },
  ])
  await using receiver = await openReceiver()
  const channels = { webhook: receiver.url }
  await sendAlerts({ target, channels })
  expect(receiver.events()).toEqual(['opened lake'])

  await rm(bad)
  await mkdir(bad)
  expect((await at.run('sync', '--lake', '--json')).stdout).not.toContain('LAKE_FAILED')
  for (const to of [good, bad]) {
    expect(await lakeDifferences(at.target, to)).toEqual([])
    expect(await marksOf(at.target, to)).toEqual([])
  }
  expect(await versionsIn(good)).toBe(4)
  expect(await lakeOf()).toMatchObject({ outcome: 'ok', remedy: null })
  await sendAlerts({ target, channels })
  expect(receiver.events()).toEqual(['closed lake'])
})

it.each(['watch', 'serve'])('%s --lake brings the lakes up to date after each run', async (command) => {
  await using at = await openCommand()
  const to = at.place.at('lake')
  expect(await at.run('lake', '--to', to)).toMatchObject({ code: 0 })
  await at.change()
  const port = command === 'serve' ? ['--port', '0'] : []
  const { child, ended } = at.start(command, '--every', '1h', '--lake', '--json', ...port)
  await expect.poll(() => marksOf(at.target, to)).toEqual([])
  await expect.poll(() => lakeDifferences(at.target, to)).toEqual([])
  child.kill('SIGTERM')
  expect(await ended).toMatchObject({ code: 0 })
})

it('a run that the API starts brings the lakes up to date, too', async () => {
  await using at = await openCommand()
  const to = at.place.at('lake')
  expect(await at.run('lake', '--to', to)).toMatchObject({ code: 0 })
  const { child, ended } = at.start('serve', '--port', '0', '--lake', '--json')
  const [line] = await once(createInterface(child.stdout), 'line')
  await at.change()
  const { url }: { url: string } = JSON.parse(line)
  const headers = { 'content-type': 'application/json' }
  expect((await fetch(`${url}api/runs`, { method: 'POST', headers, body: '{}' })).status).toBe(202)
  await expect.poll(() => marksOf(at.target, to)).toEqual([])
  expect(await lakeDifferences(at.target, to)).toEqual([])
  child.kill('SIGTERM')
  expect(await ended).toMatchObject({ code: 0 })
})

it('sync --lake says so where no lake is registered, and health has no check of lakes', async () => {
  await using at = await openCommand()
  const { code, stdout } = await at.run('sync', '--lake')
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('lake --to') })
  const { checks } = await checkHealth({ target: at.target.url })
  expect(checks.map(({ name }) => name)).not.toContain('lake')
})
