import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openAlerting, type Alerting } from '../fixtures/alerts-fixture.js'
import { openPair, openShell, settings } from '../fixtures/cli-fixture.js'

let alerting: Alerting
let target: Alerting['target']
let receiver: Alerting['receiver']
let succeed: Alerting['succeed']
beforeEach(async () => {
  alerting = await openAlerting()
  ;({ target, receiver, succeed } = alerting)
})
afterEach(() => alerting[Symbol.asyncDispose]())

describe('the commands', () => {
  let shell: Awaited<ReturnType<typeof openShell>>
  beforeEach(async () => {
    shell = await openShell()
  })
  afterEach(() => shell[Symbol.asyncDispose]())

  it('health --alert, called by cron, finds that no run starts, and sends one alert', async () => {
    await succeed('50 hours')
    const variables = { ...settings('LOCAL', target), ALERT_WEBHOOK_URL: receiver.url }
    const cron = () => shell.run(['health', '--no-source', '--alert', '--quiet'], variables)
    expect(await cron()).toEqual({ code: 4, stdout: '', stderr: '' })
    expect(await cron()).toEqual({ code: 4, stdout: '', stderr: '' })
    expect(receiver.events()).toEqual(['opened staleness'])
    expect(await shell.read('logs/etl/etl_latest.log')).toContain('Alert sent')
  })

  it('health --alert, called by cron without a channel, prints nothing until something is wrong', async () => {
    await succeed('1 hour')
    const cron = () => shell.run(['health', '--no-source', '--alert', '--quiet'], settings('LOCAL', target))
    expect(await cron()).toEqual({ code: 0, stdout: '', stderr: '' })
    await target.query(
      `update etl_control set started_at = now() - interval '50 hours', completed_at = now() - interval '50 hours'`,
    )
    const { code, stdout, stderr } = await cron()
    expect({ code, stdout }).toEqual({ code: 4, stdout: expect.stringContaining('last successful run') })
    expect(stderr).toContain('There is no channel for alerts')
  })

  it('sync sends an alert about a failed run, and a channel that is down changes nothing', async () => {
    const databases = { ...settings('LOCAL', target), SOURCE_DATABASE_URL: 'postgres://x:y@127.0.0.1:1/none' }
    const { code, stderr } = await shell.run(['sync', '--quiet', '--retry-budget', '0s'], {
      ...databases,
      ALERT_WEBHOOK_URL: receiver.url,
    })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^chatwoot-sync: .*SOURCE_UNREACHABLE\)\n$/),
    })
    expect(receiver.events()).toEqual(['opened failure'])

    receiver.answer.status = 404
    const down = { ...databases, ALERT_SLACK_WEBHOOK_URL: `${receiver.url}/hidden-path` }
    const again = await shell.run(['sync', '--quiet', '--retry-budget', '0s'], down)
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('slack rejected the alert')
    expect(again.stderr).not.toContain('hidden-path')
  })

  it('a successful run ends with 0 even if its alerts fail', async () => {
    await using pair = await openPair(3)
    receiver.answer.status = 500
    await pair.target.query(
      'alter table conversas_analytics add constraint refuses_2 check (conversation_id <> 2)',
    )
    const down = await shell.run(['sync', '--quiet'], { ...pair.variables, ALERT_WEBHOOK_URL: receiver.url })
    expect(down).toMatchObject({ code: 0, stdout: '' })
    expect(down.stderr).toMatch(
      /^chatwoot-sync: webhook rejected the alert ".*": it answered with HTTP 500\n$/,
    )
    const wrong = await shell.run(['sync', '--quiet'], {
      ...pair.variables,
      ALERT_LANGUAGE: 'xx',
      ALERT_WEBHOOK_URL: 'x',
    })
    expect(wrong).toMatchObject({ code: 0, stderr: expect.stringContaining('alerts could not be sent') })
    const runs = await pair.target.query('select distinct status from etl_control')
    expect(runs).toEqual([{ status: 'success' }])
    receiver.answer.status = 200
    await shell.run(['verify', '--quiet'], { ...pair.variables, ALERT_WEBHOOK_URL: receiver.url })
    expect(receiver.events()).toEqual(['opened rejected-rows'])
  })

  it('alerts test reaches each channel, and ends with 1 when one rejects it', async () => {
    const variables = { ALERT_SLACK_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_URL: receiver.url }
    const { code, stdout } = await shell.run(['alerts', 'test', '--language', 'pt-BR'], variables)
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        'Sent to slack: chatwoot-sync, conversations: isto é um teste\n' +
        'Sent to webhook: chatwoot-sync, conversations: isto é um teste\n',
    })
    expect(receiver.received).toHaveLength(2)
    receiver.answer.status = 403
    const refused = await shell.run(['alerts', 'test', '--json'], variables)
    expect(refused.code).toBe(1)
    expect(JSON.parse(refused.stdout).deliveries[0].refusal).toBe('it answered with HTTP 403')
  })

  it('alerts check without a channel, half of a mail or nodemailer says what is missing', async () => {
    const variables = settings('LOCAL', target)
    const none = await shell.run(['alerts', 'check'], variables)
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('ALERT_SLACK_WEBHOOK_URL') })
    const half = await shell.run(['alerts', 'check'], { ...variables, ALERT_SMTP_URL: 'smtp://x' })
    expect(half).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ALERT_MAIL_FROM and ALERT_MAIL_TO'),
    })
    const mail = { ALERT_SMTP_URL: 'smtp://x', ALERT_MAIL_FROM: 'a@b.example', ALERT_MAIL_TO: 'c@d.example' }
    const absent = await shell.runBuilt(['alerts', 'test'], { ...mail, NODE_OPTIONS: withoutNodemailer })
    expect(absent).toMatchObject({ code: 2, stderr: expect.stringContaining('npm install nodemailer') })
  })
})

/** Node as it is where nodemailer is not installed. */
const hook = `export const resolve = (name, context, next) => {
  if (name === 'nodemailer') throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
  return next(name, context)
}`
const asModule = (code: string) => `data:text/javascript,${encodeURIComponent(code).replaceAll("'", '%27')}`
const withoutNodemailer = `--import ${asModule(`import { register } from 'node:module'; register('${asModule(hook)}')`)}`
