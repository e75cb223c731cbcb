import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  openAlerting,
  openMailServer,
  openReceiver,
  readMail,
  type Alerting,
} from '../fixtures/alerts-fixture.js'

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

describe('a message that is not accepted', () => {
  it('is sent in three attempts, and again by the next call; then no more', async () => {
    await fail()
    receiver.answer.status = 503
    const [refused] = await send()
    expect(refused).toMatchObject({
      channel: 'webhook',
      event: 'opened',
      refusal: 'it answered with HTTP 503',
    })
    expect(receiver.answer.attempts).toBe(3)
    const [row] = await target.query('select last_refusal, opened_told from etl_alerts')
    expect(row).toEqual({ last_refusal: 'webhook: it answered with HTTP 503', opened_told: {} })
    receiver.answer.status = 200
    await send()
    await send()
    expect(receiver.events()).toEqual(['opened failure'])
    expect(await target.query('select last_refusal from etl_alerts')).toEqual([{ last_refusal: null }])
  })

  it('is not sent again at once where that cannot help', async () => {
    await fail()
    receiver.answer.status = 404
    await send()
    expect(receiver.answer.attempts).toBe(1)
  })

  it('by one channel still reaches the others, and the end is sent only where the start was accepted', async () => {
    await fail()
    await using other = await openReceiver()
    const channels = { slack: receiver.url, webhook: other.url }
    receiver.answer.status = 500
    await send({ channels })
    expect(other.events()).toEqual(['opened failure'])
    receiver.answer.status = 200
    await target.query(`update etl_control set started_at = now() - interval '1 minute'`)
    await succeed('1 second')
    await send({ channels })
    expect(other.events()).toEqual(['closed failure'])
    expect(receiver.received).toEqual([])
  })

  it('because nothing can be reached names no address', async () => {
    await fail()
    const closed = await openReceiver()
    await closed[Symbol.asyncDispose]()
    const [refused] = await send({ channels: { webhook: `${closed.url}/secret-path` } })
    expect(refused?.refusal).toBe('it cannot be reached (ECONNREFUSED)')
  })
})

describe('channels', () => {
  it('of Slack receive its markup, with other markup escaped', async () => {
    await fail('A <!channel> & more.')
    await send({ channels: { slack: `${receiver.url}/services/x` } })
    expect(receiver.received).toEqual([
      {
        path: '/services/x',
        body: {
          text: expect.stringMatching(
            /^\*chatwoot-sync, conversations: a run failed\*\nThe last run failed\./,
          ),
        },
      },
    ])
    expect(receiver.received[0]?.body.text).toContain('A &lt;!channel&gt; &amp; more.')
  })

  it('of Slack and compatible services mention nobody, and show no foreign link or image', async () => {
    await fail(
      '@channel @here <!here> <@U1> *a* `b` [c](https://example.com) ![d](https://example.com/d.png)',
    )
    await send({ channels: { slack: receiver.url } })
    const { text } = receiver.received[0]?.body ?? { text: '' }
    expect(text).toContain('channel')
    expect(text).not.toMatch(/@\w|<|>|\]\(|`/)
    // Those of the title alone make something bold.
    expect(text.split('*').length).toBe(3)
  })

  it('of a webhook receive the text as it is', async () => {
    const hostile = '=1+1 "quoted" \\ </script> \u2028 line\r\nbreak \u0001'
    await fail(hostile)
    await send()
    expect(receiver.received[0]?.body.text).toContain(hostile)
  })

  it('of mail make no header, recipient or HTML of a name', async () => {
    const pipeline = 'x\r\nBcc: victim@host\r\n\r\n<b>body</b>'
    await target.query(
      `insert into etl_control (pipeline, status, load_type, completed_at, error_code, error_message)
       values ($1, 'failed', 'full', now(), 'INTERNAL', $2)`,
      [pipeline, '.\r\n.\r\nRCPT TO: <victim@host>\r\n<script>alert(1)</script>'],
    )
    await using server = await openMailServer()
    const mail = { smtp: server.url(), from: 'sync@example.com', to: ['a@example.com'] }
    expect(await send({ pipeline, channels: { mail } })).toMatchObject([{ refusal: null }])
    expect(server.mails).toHaveLength(1)
    const { to, raw } = server.mails[0] ?? { to: [], raw: '' }
    expect(to).toEqual(['a@example.com'])
    const [head = ''] = raw.split('\r\n\r\n')
    const names = [...head.matchAll(/^([\w-]+):/gm)].map(([, name]) => name)
    expect(names.toSorted()).toEqual([
      ...['Auto-Submitted', 'Content-Transfer-Encoding', 'Content-Type', 'Date', 'From', 'MIME-Version'],
      ...['Message-ID', 'References', 'Subject', 'To'],
    ])
    expect(head).toMatch(/^Content-Type: text\/plain/m)
    expect(readMail(raw).body).toContain('<script>alert(1)</script>')
  })

  it('of mail go through a real server, in Portuguese where asked for', async () => {
    await fail()
    await using server = await openMailServer()
    const mail = { smtp: server.url(), from: 'sync@example.com', to: ['a@example.com', 'b@example.com'] }
    expect(await send({ channels: { mail }, language: 'pt-BR' })).toMatchObject([
      { channel: 'mail', refusal: null },
    ])
    const [sent] = server.mails
    expect(sent).toMatchObject({ from: 'sync@example.com', to: ['a@example.com', 'b@example.com'] })
    const { subject, body } = readMail(sent?.raw ?? '')
    expect(subject).toBe('chatwoot-sync, conversations: uma execução falhou')
    expect(body).toMatch(
      /^A última execução falhou\. SOURCE_UNREACHABLE: .*O que fazer: Veja chatwoot-sync status/s,
    )
    expect(body).toMatch(/Desde \d\d\/\d\d\/\d{4} \d\d:\d\d UTC\./)
  })

  it('of mail with a wrong password fail without showing it', async () => {
    await fail()
    await using server = await openMailServer()
    const mail = { smtp: server.url('wrong-secret'), from: 'sync@example.com', to: ['a@example.com'] }
    const [refused] = await send({ channels: { mail } })
    expect(refused?.refusal).toBe('it answered with 535 (EAUTH)')
  })

  it.each([
    [{}, 'CONFIG_MISSING'],
    [{ slack: 'no-url-secret' }, 'CONFIG_INVALID'],
    [{ webhook: 'file:///etc/passwd' }, 'CONFIG_INVALID'],
    [{ mail: { smtp: 'https://x', from: 'a@b.example', to: ['c@d.example'] } }, 'CONFIG_INVALID'],
  ])('%j are rejected with %s', async (channels, code) => {
    const error = await send({ channels }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code })
    expect(String(error)).not.toContain('no-url-secret')
  })
})
