import { describe, expect, it } from 'vitest'

import { secretsOf } from '../../bin/flags/secrets.js'
import { addressIn, isConnectionString, parameterIn } from '../../lib/postgres/driver/connection-string.js'
import { connectError } from '../../lib/postgres/driver/driver-error.js'

describe('a connection string', () => {
  it.each([
    ['postgres://me:x@db.example:5433/chat', 'db.example', 5433, 'chat'],
    ['postgres://me@db.example/ch%20at', 'db.example', 5432, 'ch at'],
    ['postgres://me:x@[::1]:5433/chat', '[::1]', 5433, 'chat'],
    ['postgres://me:x@/chat?host=/run/postgresql&port=5434', '/run/postgresql', 5434, 'chat'],
    ['postgres:///chat?host=/run/postgresql', '/run/postgresql', 5432, 'chat'],
    ['postgres://me@%2Frun%2Fpostgresql/chat', '/run/postgresql', 5432, 'chat'],
    ['postgres://me@ignored/chat?host=db.example', 'db.example', 5432, 'chat'],
    ['socket:/run/postgresql?db=chat', '/run/postgresql', 5432, 'chat'],
    ['/run/postgresql chat', '/run/postgresql', 5432, 'chat'],
    ['postgres:///chat', 'localhost', 5432, 'chat'],
  ])('%s leads to the place that pg connects to', (text, host, port, database) => {
    expect(addressIn(text)).toEqual({ host, port, database })
  })

  it('may have a user and no host', () => {
    expect(isConnectionString('postgres://me:x@/chat?host=/run/postgresql')).toBe(true)
    expect(isConnectionString('mysql://me:x@db/chat')).toBe(false)
    expect(isConnectionString('db.example')).toBe(false)
    expect(parameterIn('postgres://me@/chat?host=/run&sslmode=allow', 'sslmode')).toBe('allow')
  })

  it('keeps its password a secret, wherever it is', () => {
    const secrets = (url: string) => secretsOf({ SOURCE_DATABASE_URL: url })
    expect(secrets('postgres://me:a%40b@/chat?host=/run')).toEqual(['a%40b', 'a@b'])
    expect(secrets('postgres://me@db/chat?password=hidden')).toContain('hidden')
  })
})

describe('the error of a failed connection', () => {
  const of = (error: Error, more = {}) =>
    connectError('source', error, { host: '::1', port: 5432, database: 'chat', ...more })

  it('says that there is no password, where a server says only that it is wrong', () => {
    const rejected = Object.assign(new Error('password authentication failed for user "me"'), {
      code: '28P01',
    })
    expect(of(rejected, { hasPassword: false })).toMatchObject({
      code: 'SOURCE_AUTH_FAILED',
      message: expect.stringMatching(
        /^The source server \[::1\]:5432 asks for a password, and none is set\. Set SOURCE_DB_PASSWORD/,
      ),
    })
    expect(of(rejected, { hasPassword: true }).remedy).toBe('Check user, password and pg_hba.conf.')
  })

  it('says what an sslmode that libpq would fall back from means here', () => {
    const noTls = new Error('The server does not support SSL connections')
    expect(of(noTls, { sslMode: 'allow' })).toMatchObject({
      code: 'SOURCE_TLS_FAILED',
      remedy: expect.stringMatching(/^sslmode=allow means verify-full here\. Write sslmode=disable/),
    })
    expect(of(noTls, { sslMode: 'verify-full' }).remedy).not.toContain('means')
  })
})
