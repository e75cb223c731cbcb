import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { wordsOf } from '../../lib/operations/alerts/alert-text.js'
import { openAlerting, type Alerting } from '../fixtures/alerts-fixture.js'
import { insertRejects } from '../fixtures/health-fixture.js'

let alerting: Alerting
let target: Alerting['target']
let receiver: Alerting['receiver']
let send: Alerting['send']
let succeed: Alerting['succeed']
let fail: Alerting['fail']
beforeEach(async () => {
  alerting = await openAlerting()
  ;({ target, receiver, send, succeed, fail } = alerting)
})
afterEach(() => alerting[Symbol.asyncDispose]())

describe('alerts', () => {
  it('are sent once when a run fails and once when one succeeds', async () => {
    await succeed('2 minutes')
    expect(await send()).toEqual([])
    await fail()
    await send()
    await fail()
    await send()
    const [opened] = receiver.received
    expect(opened?.body).toMatchObject({
      event: 'opened',
      kind: 'failure',
      severity: 'warning',
      pipeline: 'conversations',
      title: 'chatwoot-sync, conversations: a run failed',
      closedAt: null,
    })
    expect(opened?.body.text).toMatch(
      /^The last run failed\. SOURCE_UNREACHABLE: The source did not answer\. What to do: .*\nSince \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$/,
    )
    expect(receiver.events()).toEqual(['opened failure'])

    await target.query(
      `update etl_control set started_at = now() - interval '1 minute' where status = 'failed'`,
    )
    await succeed('1 second')
    await send()
    await send()
    expect(receiver.received[0]?.body).toMatchObject({
      alertId: opened?.body.alertId,
      openedAt: opened?.body.openedAt,
    })
    expect(receiver.received[0]?.body.closedAt).not.toBeNull()
    expect(receiver.events()).toEqual(['closed failure'])
  })

  it('are sent about a database in which no run ever starts', async () => {
    await send()
    await send()
    expect(receiver.events()).toEqual(['opened staleness'])
    await succeed()
    await send()
    expect(receiver.events()).toEqual(['closed staleness'])
  })

  it('are sent about rejected rows, differences and a used-up skew allowance', async () => {
    await target.query(`
      insert into etl_control (
        status, load_type, started_at, completed_at, watermark_end, warnings, margin_used_seconds
      )
      values ('success', 'full', now() - interval '1 minute', now(), now() at time zone 'UTC', '[{"code": "MARGIN_USED_UP"}]', 61)`)
    await target.query(`
      insert into etl_verification (
        completed_at, duration_seconds, rows_compared, rows_missing, rows_stale, rows_extra, rows_silent, rows_pending
      )
      values (now(), 1, 10000, 1, 0, 0, 0, 0)`)
    await target.query(`update etl_verification set sample = 0.5`)
    await insertRejects(target, ['3'])
    await send()
    expect(receiver.events().sort()).toEqual(['opened differences', 'opened margin', 'opened rejected-rows'])
    await succeed('0 seconds', 'full')
    await target.query('delete from etl_rejects')
    await send()
    expect(receiver.events().sort()).toEqual(['closed differences', 'closed margin', 'closed rejected-rows'])
  })

  it('are sent once though several processes check at the same time', async () => {
    await fail()
    await Promise.all([send(), send(), send(), send()])
    expect(receiver.events()).toEqual(['opened failure'])
  })

  it('have distinct words in both languages, from begin to end', () => {
    const { opened, closed } = wordsOf('en')
    const portuguese = wordsOf('pt-BR')
    for (const [events, words] of [
      [opened, portuguese.opened],
      [closed, portuguese.closed],
    ] as const) {
      expect(Object.keys(words)).toEqual(Object.keys(events))
      const all = [...Object.values(events), ...Object.values(words)]
      expect(new Set(all).size).toBe(all.length)
    }
  })

  it('of two pipelines are separate', async () => {
    await fail()
    await send({ pipeline: 'mine' })
    await send()
    expect(receiver.received.map(({ body }) => body.pipeline)).toEqual(['mine', 'conversations'])
    expect(receiver.events()).toEqual(['opened staleness', 'opened failure'])
  })

  it('hold no secret and no personal data', async () => {
    await fail(
      'Login refused for postgres://ann:very-secret@db: ann@example.com, +55 11 91234-5678, token-of-mine.',
    )
    await send({ secrets: ['token-of-mine'] })
    const text = JSON.stringify(receiver.received)
    for (const hidden of ['very-secret', 'ann@example.com', '91234', 'token-of-mine'])
      expect(text).not.toContain(hidden)
    expect(text).toContain('[redacted]')
    const [row] = await target.query('select message from etl_alerts')
    expect(row?.['message']).not.toContain('token-of-mine')
    // Planted by this test; no run would have kept it.
    await target.query('delete from etl_control')
  })
})

it('an alert is sent once when the target cannot be used, and once when it can again', async () => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'alerts-'))
  await succeed()
  const gone = { target: 'postgres://nobody:hidden-secret@127.0.0.1:1/none', stateDirectory }
  await send(gone)
  await send(gone)
  expect(receiver.received[0]?.body.text).toContain('cannot be reached')
  expect(JSON.stringify(receiver.received)).not.toContain('hidden-secret')
  expect(receiver.events()).toEqual(['opened target-unreachable'])
  await send({ stateDirectory })
  await send({ stateDirectory })
  expect(receiver.events()).toEqual(['closed target-unreachable'])
  expect(await readdir(stateDirectory)).toEqual([])
  await rm(stateDirectory, { recursive: true })
})

it('what somebody has put in the place of the file about the target keeps no alert back', async () => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'alerts-'))
  const gone = { target: 'postgres://nobody:hidden-secret@127.0.0.1:1/none', stateDirectory }
  await send(gone)
  const [name = ''] = await readdir(stateDirectory)
  const path = join(stateDirectory, name)
  receiver.events()
  for (const put of [
    () => writeFile(path, '{"alertId": 5, "openedAt": {}, "openedSentTo": ["webhook"], "closedSentTo": []}'),
    () => mkdir(path),
  ]) {
    await rm(path, { recursive: true })
    await put()
    await send(gone)
    expect(receiver.events()).toEqual(['opened target-unreachable'])
  }
  await rm(stateDirectory, { recursive: true })
})
