import { createInterface } from 'node:readline'

import { expect, it } from 'vitest'

import { readStatus } from '../../lib/operations/status.js'
import { openPair, openShell } from '../fixtures/cli-fixture.js'
import { until, type Json } from '../fixtures/server-fixture.js'

const token = 'correct-horse-battery-staple'

it('serve answers, and stops and closes its run at SIGTERM; the next run resumes', async () => {
  await using shell = await openShell()
  await using pair = await openPair(300)
  const { child, ended } = shell.start(['serve', '--port', '0', '--batch-size', '5', '--json'], {
    ...pair.variables,
    CHATWOOT_SYNC_TOKEN: token,
  })
  const line = await firstLine(child.stdout)
  const { url } = JSON.parse(line)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  expect((await fetch(`${url}api/health`)).status).toBe(401)
  expect(await (await fetch(`${url}api/health`, { headers })).json()).toMatchObject({
    pipeline: 'conversations',
  })
  // Each of its sixty batches takes a moment.
  await pair.target.query(`
    create function take_a_moment() returns trigger language plpgsql as 'begin perform pg_sleep(0.1); return null; end';
    create trigger slow after insert on conversas_analytics execute function take_a_moment()`)
  const started = await fetch(`${url}api/runs`, { method: 'POST', headers, body: '{"loadType":"full"}' })
  const { executionId }: Json = await started.json()
  await until(async () => {
    const run: Json = await (await fetch(`${url}api/runs/${executionId}`, { headers })).json()
    return run.rowsExtracted > 0 ? true : undefined
  })
  child.kill('SIGTERM')

  const { code, stderr } = await ended
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: 'chatwoot-sync: stopping; send the signal again to exit immediately\n',
  })
  const target = pair.target.url
  expect(await readStatus({ target })).toMatchObject([
    { executionId, status: 'failed', errorCode: 'ABORTED' },
  ])
  await expect(fetch(url)).rejects.toThrow('fetch failed')
  const reached = await pair.target.query('select from conversas_analytics')
  expect(reached.length).toBeLessThan(300)
  await pair.target.query('drop trigger slow on conversas_analytics')
  expect((await shell.run(['sync', '--quiet'], pair.variables)).code).toBe(0)
  const [counted] = await pair.target.query('select count(*)::integer as rows from conversas_analytics')
  expect(counted).toEqual({ rows: 300 })
})

it('serve syncs on its schedule, and shows when the next run is', async () => {
  await using shell = await openShell()
  await using pair = await openPair(5)
  const { child, ended } = shell.start(['serve', '--port', '0', '--every', '1h', '--json'], pair.variables)
  const line = await firstLine(child.stdout)
  const { url } = JSON.parse(line)
  const stats = await until(async () => {
    const found: Json = await (await fetch(`${url}api/stats`)).json()
    return found.lastSuccess && found.nextRunAt ? found : undefined
  })
  expect(stats.lastSuccess).toMatchObject({ triggeredBy: 'scheduler', rowsInserted: 5 })
  expect(Date.parse(stats.nextRunAt)).toBeGreaterThan(Date.now())
  child.kill('SIGTERM')
  expect((await ended).code).toBe(0)
})

it('serve rejects other machines without a token, and a token that can be guessed', async () => {
  await using shell = await openShell()
  await using pair = await openPair(0)
  const open = await shell.run(['serve', '--host', '0.0.0.0', '--port', '0'], pair.variables)
  expect(open.code).toBe(2)
  expect(open.stderr).toContain('CHATWOOT_SYNC_TOKEN')
  const noPort = await shell.run(['serve', '--port', '99999'], pair.variables)
  expect(noPort).toMatchObject({ code: 2, stderr: expect.stringContaining('a number from 0 to 65535') })
  const weak = await shell.run(['serve', '--port', '0'], { ...pair.variables, CHATWOOT_SYNC_TOKEN: 'secret' })
  expect(weak.code).toBe(2)
  expect(weak.stderr).not.toContain('secret')
})

/** The stream stays open, so that it can still be read to its end. */
async function firstLine(output: NodeJS.ReadableStream): Promise<string> {
  const lines = createInterface(output)
  return new Promise((resolve) => lines.once('line', resolve))
}
