import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { SMTPServer } from 'smtp-server'

import { sendAlerts, type AlertMessage, type AlertOptions } from '../lib/index.js'
import { cloneDatabase } from './setup/database.js'

/** An empty target, a webhook, and what happens in the one and is told to the other. */
export async function openAlerting() {
  const [target, receiver] = await Promise.all([cloneDatabase('target'), openReceiver()])
  return {
    target,
    receiver,
    send: (options: Partial<AlertOptions> = {}) =>
      sendAlerts({ target: target.url, channels: { webhook: receiver.url }, retryDelay: 1, ...options }),
    /** A good run of so long ago. */
    succeed: (ago = '1 minute', load = 'incremental') =>
      target.query(
        `insert into etl_control (status, load_type, started_at, completed_at, watermark_end)
         values ('success', $2, now() - $1::interval, now() - $1::interval, (now() - $1::interval) at time zone 'UTC')`,
        [ago, load],
      ),
    /** A run that failed just now. */
    fail: (message = 'The source did not answer.') =>
      target.query(
        `insert into etl_control (status, load_type, completed_at, error_code, error_message)
         values ('failed', 'incremental', now(), 'SOURCE_UNREACHABLE', $1)`,
        [message],
      ),
    async [Symbol.asyncDispose]() {
      await Promise.all([target[Symbol.asyncDispose](), receiver[Symbol.asyncDispose]()])
    },
  }
}

export type Alerting = Awaited<ReturnType<typeof openAlerting>>

/** A server that keeps what is posted to it; it answers with `status`, which can be changed. */
export async function openReceiver() {
  const received: { path: string; body: AlertMessage & { text: string } }[] = []
  const answer = { status: 200, attempts: 0 }
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      answer.attempts += 1
      if (answer.status === 200) received.push({ path: request.url ?? '', body: JSON.parse(body) })
      response.writeHead(answer.status).end('ok')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answer,
    /** What each message was about, and forgets them. */
    events: () => received.splice(0).map(({ body }) => `${body.event} ${body.kind}`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A mail server that keeps what it takes, from one user. */
export async function openMailServer() {
  const mails: { from: string; to: string[]; raw: string }[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === 'me' && password === 'mail-secret' ? done(null, { user: 'me' }) : done(new Error('No.')),
    onData: (stream, { envelope }, done) => {
      void text(stream).then((raw) => {
        const from = envelope.mailFrom ? envelope.mailFrom.address : ''
        mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), raw })
        done()
      })
    },
  })
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    url: (password = 'mail-secret') => `smtp://me:${password}@127.0.0.1:${port}`,
    mails,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

/** Subject and body of a mail as people see them. */
export function readMail(raw: string): { subject: string; body: string } {
  const [head = '', body = ''] = raw.split(/\r\n\r\n(.*)/s)
  const unfolded = head.replaceAll(/\r\n\s+/g, ' ')
  const subject = /^Subject: (.*)$/m.exec(unfolded)?.[1] ?? ''
  const words = subject
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?UTF-8\?([QB])\?(.*?)\?=/gi, (_, encoding: string, word: string) =>
      encoding.toUpperCase() === 'B'
        ? Buffer.from(word, 'base64').toString()
        : quotedPrintable(word.replaceAll('_', ' ')),
    )
  const isBase64 = /^Content-Transfer-Encoding: base64/im.test(head)
  return { subject: words, body: isBase64 ? Buffer.from(body, 'base64').toString() : quotedPrintable(body) }
}

function quotedPrintable(text: string): string {
  const bytes = text
    .replaceAll('=\r\n', '')
    .replaceAll(/=([\dA-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
