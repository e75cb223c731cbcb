import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'

import pg from 'pg'
import { expect, vi } from 'vitest'

import { serverAccount } from '../bin/demo/cluster-account.js'
import { startCluster } from '../bin/demo/cluster.js'

const run = promisify(execFile)

export interface Certificates {
  readonly folder: string
  /** Path of one of the files: `ca.crt`, `client.key`. */
  file(name: string): string
}

/**
 * Two authorities, certificates of a server by the first (`good`, `expired`, and `elsewhere` for another host name), and certificates
 * of the role `tls_user` by each. Needs openssl, and says so where there is none: no test passes without real certificates.
 */
async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name)
  const openssl = async (...args: string[]) => {
    await run('openssl', args, { cwd: folder }).catch((cause: unknown) => {
      throw new Error('These tests make certificates with openssl, which failed or is not installed.', {
        cause,
      })
    })
  }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  for (const name of ['ca', 'other-ca']) {
    await openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
    )
  }
  const issue = async (name: string, subject: string, ca: string, days: string) => {
    await openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`)
    await writeFile(file(`${name}.ext`), `subjectAltName=DNS:${subject}`)
    const by = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial']
    const made = ['-days', days, '-extfile', `${name}.ext`, '-out', `${name}.crt`]
    await openssl('x509', '-req', '-in', `${name}.csr`, ...by, ...made)
  }
  await issue('good', 'localhost', 'ca', '2')
  // Ends in the second in which it is made.
  await issue('expired', 'localhost', 'ca', '0')
  await issue('elsewhere', 'db.example', 'ca', '2')
  await issue('client', 'tls_user', 'ca', '2')
  await issue('foreign', 'tls_user', 'other-ca', '2')
  return { folder, file }
}

/** A server with TLS whose role `tls_user` gets in by TLS and with a certificate of its own only. */
export async function openTlsServer() {
  const folder = await mkdtemp(join(tmpdir(), 'tls-test-'))
  const certificates = await makeCertificates(folder)
  const [account, cluster] = await Promise.all([serverAccount(), startCluster()])
  const place = async (content: string | Buffer, name: string) => {
    const path = join(cluster.dataDirectory, name)
    await writeFile(path, content, { mode: 0o600 })
    if (account) await chown(path, account.uid, account.gid)
  }
  const administrator = new pg.Client(cluster.url())
  await administrator.connect()
  const serve = async (name: 'good' | 'expired' | 'elsewhere') => {
    const certificate = await readFile(certificates.file(`${name}.crt`))
    await place(certificate, 'server.crt')
    await place(await readFile(certificates.file(`${name}.key`)), 'server.key')
    await administrator.query('select pg_reload_conf()')
    const { fingerprint256 } = new X509Certificate(certificate)
    await vi.waitFor(async () => expect(await presented(cluster.url())).toBe(fingerprint256), {
      timeout: 20_000,
    })
  }
  const hba = await readFile(join(cluster.dataDirectory, 'pg_hba.conf'), 'utf8')
  await place(`hostssl all tls_user all cert\nhost all tls_user all reject\n${hba}`, 'pg_hba.conf')
  await place(await readFile(certificates.file('ca.crt')), 'clients.crt')
  await administrator.query('create role tls_user login superuser')
  await administrator.query(`alter system set ssl_ca_file = 'clients.crt'`)
  await administrator.query('alter system set ssl = on')
  await serve('good')
  return {
    ...certificates,
    cluster,
    /** Lets the server show another certificate from now on. */
    serve,
    /** The URL of a database by a host name that the certificate `good` holds. */
    url: (database: string, parameters: Readonly<Record<string, string>> = {}) => {
      const url = new URL(cluster.url(database))
      url.hostname = 'localhost'
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
      return url.href
    },
    [Symbol.asyncDispose]: async () => {
      await administrator.end()
      await cluster.stop('immediate')
      await rm(folder, { recursive: true })
    },
  }
}

export type TlsServer = Awaited<ReturnType<typeof openTlsServer>>

/** Fingerprint of the certificate that the server shows. */
async function presented(url: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: url, ssl: { rejectUnauthorized: false } })
  await client.connect()
  try {
    const { stream }: { stream?: unknown } = Reflect.get(client, 'connection')
    return stream instanceof TLSSocket ? stream.getPeerX509Certificate()?.fingerprint256 : undefined
  } finally {
    await client.end()
  }
}
