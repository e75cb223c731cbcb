import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'

import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { migrationUrl } from '../../lib/postgres/migrate/url.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migration-url-test-'))
})
afterEach(() => rm(folder, { recursive: true }))

const account = { user: 'me', password: 'pw', database: 'etl', ssl: false }

describe('the URL for dbmate', () => {
  it.each([
    ['a name', { ...account, host: 'db.example', port: 5433 }, 'db.example', '5433'],
    ['IPv6', { ...account, host: '::1' }, '::1', '5432'],
    ['a socket', { ...account, host: '/var/run/postgresql' }, '/var/run/postgresql', '5432'],
    [
      'a URL',
      { connectionString: 'postgres://me:pw@[2001:db8::7]:6543/etl', ssl: false },
      '2001:db8::7',
      '6543',
    ],
  ])('names the host in the query: %s', async (_kind, config, host, port) => {
    const { account: before, query } = await urlOf(config)
    expect(before).toBe('me:pw@/etl')
    expect(Object.fromEntries(query)).toMatchObject({ host, port, sslmode: 'disable' })
  })

  it('keeps every character of user, password and database', async () => {
    const odd = `ö @:/?#[]%&='"$\\ +`
    const url = await urlOf({ host: 'db', user: odd, password: odd, database: odd, ssl: false })
    expect(url.account.split(/:|@\//).map(decodeURIComponent)).toEqual([odd, odd, odd])
  })

  it('carries the options of the session', async () => {
    const options = '-c search_path=etl -c work_mem=64MB'
    expect((await urlOf({ ...account, host: 'db', options })).query.get('options')).toBe(options)
  })
})

describe('TLS', () => {
  const own = () => undefined
  it.each([
    ['off', false, 'disable', []],
    ['on', true, 'verify-full', ['sslrootcert']],
    ['unverified', { rejectUnauthorized: false, ca: 'CA' }, 'require', []],
    ['verified by a CA', { ca: 'CA' }, 'verify-full', ['sslrootcert']],
    ['with a check of its own', { ca: 'CA', checkServerIdentity: own }, 'verify-ca', ['sslrootcert']],
  ])('that is %s stays so', async (_kind, ssl, sslmode, files) => {
    const { query } = await urlOf({ ...account, host: 'db', ssl })
    expect(query.get('sslmode')).toBe(sslmode)
    expect([...query.keys()].filter((key) => /cert|key/.test(key))).toEqual(files)
    expect(await readdir(folder)).toEqual(files.map((name) => `${name}.pem`))
  })

  it('trusts what Node trusts when no CA is given', async () => {
    const { query } = await urlOf({ ...account, host: 'db', ssl: true })
    const trusted = await readFile(query.get('sslrootcert') ?? '', 'utf8')
    expect(trusted).toContain(rootCertificates[0])
  })

  it('takes a certificate and a locked key, in files that are private', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const passphrase = 'geheim'
    const key = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
    const ssl = { ca: [Buffer.from('CA1'), 'CA2'], cert: 'CERT', key, passphrase }
    const { query } = await urlOf({ ...account, host: 'db', ssl })
    const content = (name: string) => readFile(query.get(name) ?? '', 'utf8')
    expect(await content('sslrootcert')).toBe('CA1\nCA2')
    expect(await content('sslcert')).toBe('CERT')
    expect(await content('sslkey')).toBe(privateKey.export({ type: 'pkcs8', format: 'pem' }))
    expect((await stat(query.get('sslkey') ?? '')).mode & 0o777).toBe(0o600)
  })

  it('refuses a key store, which dbmate cannot read', async () => {
    await expect(urlOf({ ...account, host: 'db', ssl: { pfx: 'store' } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })
})

/** By hand, because WHATWG refuses an account without a host, which is how dbmate wants it. */
async function urlOf(config: pg.ClientConfig) {
  const url = await migrationUrl(new pg.Client(config), { applicationName: 'chatwoot-sync', folder })
  const [, account = '', query = ''] = /^postgres:\/\/([^?]*)\?(.*)$/.exec(url) ?? []
  return { account, query: new URLSearchParams(query) }
}
