import { execFile } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import { sql } from 'kysely'
import pg from 'pg'
import { describe, expect, it } from 'vitest'

import { migrate, syncConversations } from '../../lib/index.js'
import { openSession } from '../../lib/postgres/driver/connect.js'
import { compile } from '../../lib/postgres/driver/statement.js'
import { accepted, message, openHostileServer, ownAddress } from '../fixtures/hostile-server.js'
import { openServer } from '../fixtures/server-fixture.js'
import { openSync } from '../fixtures/sync-fixture.js'
import { builtFile } from '../setup/built-file.js'

const settings = { applicationName: 'test', connectTimeout: 5000 }

/** The answer to the startup message, whatever is said after it. */
const says =
  (...first: readonly Buffer[]) =>
  (_said: Buffer, socket: { write: (bytes: Buffer) => unknown }, count: number) => {
    if (count === 0) for (const bytes of first) socket.write(bytes)
  }

describe('a server that asks for an authentication that the driver does not know', () => {
  it.each([
    [7, 'GSSAPI'],
    [9, 'SSPI'],
    [2, 'Kerberos V5'],
    [4711, 'number 4711'],
  ])('by request %i fails the connection, with a remedy', async (request, name) => {
    await using server = await openHostileServer(says(message('R', request)))
    const pool = new pg.Pool({ connectionString: server.url })
    const config = new URL(server.url)
    const handles = [
      server.url,
      { host: config.hostname, port: server.port, user: 'reader', password: 'x', database: 'chatwoot' },
      pool,
    ]
    for (const handle of handles) {
      await expect(openSession('source', handle, settings)).rejects.toMatchObject({
        code: 'SOURCE_AUTH_FAILED',
        message: expect.stringContaining(`does not know: ${name}`),
        remedy: expect.stringContaining('pg_hba.conf'),
      })
    }
    await expect(migrate({ target: server.url })).rejects.toMatchObject({ code: 'TARGET_AUTH_FAILED' })
    await pool.end()
  })

  it('fails the run that a request has started, and no other one of the same process', async () => {
    await using hostile = await openHostileServer(says(message('R', 7)))
    let source = hostile.url
    await using at = await openServer({
      startRun: (request) => syncConversations({ source, target: at.target.url, ...request }),
    })
    const first = await at.post('api/runs')
    expect([202, 503]).toContain(first.status)
    await expect
      .poll(async () => (await at.ask('api/runs')).json.runs[0])
      .toMatchObject({ status: 'failed', errorCode: 'SOURCE_AUTH_FAILED' })
    source = at.source.url
    await expect.poll(async () => (await at.post('api/runs')).status).toBe(202)
    await expect
      .poll(async () => (await at.ask('api/runs')).json.runs[0])
      .toMatchObject({ status: 'success' })
  })
})

it('a server that accepts a login without its proof is rejected', async () => {
  const sasl = message('R', 10, 'SCRAM-SHA-256', Buffer.from([0]))
  const scripts = [
    says(sasl, accepted),
    // With a challenge that is never completed.
    (said: Buffer, socket: { write: (bytes: Buffer) => unknown }, count: number) => {
      if (count === 0) socket.write(sasl)
      if (count !== 1) return
      const nonce = /r=([^,]+)/.exec(said.toString('latin1'))?.[1] ?? ''
      const challenge = `r=${nonce}xyz,s=${Buffer.from('salt').toString('base64')},i=4096`
      socket.write(message('R', 11, Buffer.from(challenge)))
      socket.write(accepted)
    },
  ]
  for (const script of scripts) {
    await using server = await openHostileServer(script)
    await expect(openSession('source', server.url, settings)).rejects.toMatchObject({
      code: 'SOURCE_AUTH_FAILED',
      message: expect.stringContaining('without showing that it knows the password'),
    })
  }
})

describe('a server that asks for the password in clear text', () => {
  const asks = (_said: Buffer, socket: { write: (bytes: Buffer) => unknown }, count: number) => {
    socket.write(count === 0 ? message('R', 3) : accepted)
  }

  it.runIf(ownAddress)('does not get it where others can listen in', async () => {
    await using server = await openHostileServer(asks, ownAddress)
    for (const handle of [server.url, new pg.Pool({ connectionString: server.url })]) {
      await expect(openSession('target', handle, settings)).rejects.toMatchObject({
        code: 'TARGET_TLS_FAILED',
        remedy: expect.stringContaining('LOCAL_DB_CLEARTEXT_PASSWORD=allow'),
      })
    }
    await expect(migrate({ target: server.url })).rejects.toMatchObject({ code: 'TARGET_TLS_FAILED' })
    expect(server.received()).not.toContain('a-password')
  })

  it.runIf(ownAddress)('gets it where that is allowed', async () => {
    await using server = await openHostileServer(asks, ownAddress)
    const handles = [
      `${server.url}?cleartextPassword=allow`,
      { connectionString: server.url, cleartextPassword: 'allow' as const },
      new pg.Pool({ connectionString: `${server.url}?cleartextPassword=allow` }),
    ]
    for (const handle of handles) {
      const session = await openSession('target', handle, settings)
      expect(session.wire).toBe('open')
      session.destroy(new Error('done'))
    }
    expect(server.received()).toContain('a-password')
  })

  it('gets it on this machine', async () => {
    await using server = await openHostileServer(asks)
    const session = await openSession('target', server.url, settings)
    expect(session.wire).toBe('local')
    session.destroy(new Error('done'))
    expect(server.received()).toContain('a-password')
  })
})

describe('a server that sends what is not the protocol', () => {
  const endless = Buffer.from('E    Msecret')
  endless.writeInt32BE(endless.length - 1, 1)
  const long = (type: string) => Buffer.concat([Buffer.from(type), Buffer.from([0x7f, 0xff, 0xff, 0xff])])

  it.each([
    ['an error without an end', endless],
    ['a length of 2 GB', long('S')],
    ['a negative length', Buffer.concat([Buffer.from('S'), Buffer.from([0, 0, 0, 1])])],
    ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('with %s before the login fails the connection', async (_, bytes) => {
    await using server = await openHostileServer(says(bytes))
    await expect(openSession('source', server.url, settings)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  it.each([
    ['an error without an end', endless],
    ['a row of 2 GB', long('D')],
  ])('with %s after it fails the statement', async (_, bytes) => {
    await using server = await openHostileServer((_said, socket, count) => {
      socket.write(count === 0 ? accepted : bytes)
    })
    const session = await openSession('source', server.url, settings)
    await expect(session.rows(compile(sql`select 1`))).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })
})

it('rows without an end fail the statement before they fill the memory', async () => {
  const row = message('D', Buffer.from([0, 1]), 1000, Buffer.alloc(1000, 'x'))
  const rows = Buffer.concat(Array.from({ length: 100 }, () => row))
  await using server = await openHostileServer((_said, socket, count) => {
    if (count === 0) return void socket.write(accepted)
    const send = (): void => {
      while (!socket.destroyed && socket.write(rows));
    }
    socket.on('drain', send)
    send()
  })
  const program = `
    import { openSession } from ${JSON.stringify(pathToFileURL(builtFile('lib/postgres/driver/connect.ts')).href)}
    const session = await openSession('source', ${JSON.stringify(server.url)}, { applicationName: 'test', connectTimeout: 60000 })
    await session.rows({ sql: 'select 1', parameters: [] }).catch(({ code, message }) => console.log(code, message))
    process.exit()`
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--max-old-space-size=128',
    '--input-type=module',
    '--eval',
    program,
  ])
  expect(stdout).toMatch(/^SOURCE_FAILED .*more rows than fit into memory/)
})

it('a COPY with a message of a negative length fails', async () => {
  const opened = message('H', Buffer.from([1, 0, 0]))
  const negative = Buffer.concat([Buffer.from('d'), Buffer.from([0, 0, 0, 1]), Buffer.alloc(100)])
  await using server = await openHostileServer((_said, socket, count) => {
    socket.write(count === 0 ? accepted : Buffer.concat([opened, negative]))
  })
  const session = await openSession('source', server.url, settings)
  const read = async () => {
    for await (const _ of session.copy?.out(compile(sql`select 1`)) ?? []);
  }
  await expect(read()).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
})

it('what a function raises stays out of the run and the log, whatever its SQLSTATE', async () => {
  await using at = await openSync()
  const secret = 'Érica dos Santos, cpf 12345678909'
  const states = ['P0001', 'CW001', '42501', '57014', 'XX000', '40001', '22023']
  for (const state of states) {
    await at.source.query(`
      create or replace function public.peek(text) returns text language plpgsql as $$
        begin raise exception '${secret}' using errcode = '${state}', hint = '${secret}', detail = '${secret}'; end $$`)
    await at.source.query(`
      create or replace view people as
      select id::bigint as conversation_id, public.peek(status::text) as status_label_pt, updated_at
      from conversations`)
    const lines: string[] = []
    const note = (text: string, fields?: object) => void lines.push(JSON.stringify([text, fields]))
    const run = syncConversations({
      ...{ source: at.source.url, target: at.target.url, pipeline: `people ${state}`, retryBudget: 0 },
      relation: { name: 'people', key: 'conversation_id', changedAt: 'updated_at' },
      logger: { debug: note, info: note, warn: note, error: note },
    })
    const error: unknown = await run.catch((reason: unknown) => reason)
    const rows = await at.target.query('select c::text as text from etl_control c')
    for (const text of [String(error), JSON.stringify(error), JSON.stringify(rows), lines.join('\n')]) {
      expect(text).not.toContain('Santos')
      expect(text).not.toContain('12345678909')
    }
    expect(String(error)).toContain(state)
    expect(String(error)).toMatch(/function (public.)?peek, line \d/)
  }
})
