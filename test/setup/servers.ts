import { randomBytes } from 'node:crypto'

import pg from 'pg'
import type { TestProject } from 'vitest/node'

import { serverAccount } from '../../bin/demo/cluster-account.js'
import { runnableBinaries } from '../../bin/demo/cluster-binaries.js'
import { openDataDirectory, type DataDirectory } from '../../bin/demo/cluster-data.js'
import { startCluster, type Cluster } from '../../bin/demo/cluster.js'
import { connectOnce } from './database.js'
import { readPlanted } from './planted.js'
import { share } from './shared.js'
import { buildTemplates } from './templates.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the server that plays the Chatwoot side, as its superuser. */
    sourceServer: string
    /** URL of the server that plays the local side, as its superuser. */
    targetServer: string
    /** Tells the databases of this run from those that another one has left on a server of TEST_DATABASE_URL. */
    run: string
    /** A data folder that no server has started on yet; empty without one. */
    preparedData: string
    /** Personal data of the tests' Chatwoot. */
    planted: string[]
  }
}

/**
 * Gives the project the two servers that all tests share; the first project of a run that needs them starts them and builds the
 * template databases in them, the last one stops them.
 * With TEST_DATABASE_URL, a throwaway server as a superuser, that one plays both sides. With TEST_SOURCE_POSTGRES or TEST_TARGET_POSTGRES,
 * the folder with bin, lib and share of another PostgreSQL, that one plays its side.
 */
export default async function setup(project: TestProject) {
  const { value, release } = await share('servers', startServers)
  project.provide('run', value.run)
  project.provide('planted', value.planted)
  project.provide('sourceServer', value.source)
  project.provide('targetServer', value.target)
  project.provide('preparedData', value.preparedData)
  return release
}

async function startServers() {
  const given = process.env['TEST_DATABASE_URL']
  forgetServers()
  // A worker of autovacuum that is open at the start makes a run read everything, as it should, at moments that no test chooses.
  const settings = { autovacuum: 'off' }
  const binaries = [process.env['TEST_SOURCE_POSTGRES'], process.env['TEST_TARGET_POSTGRES']]
  const start = (nativeDirectory: string | undefined) =>
    nativeDirectory ? startCluster({ settings, nativeDirectory }) : startQuick(settings)
  const data = await prepareData()
  const clusters = given ? [] : await Promise.all(binaries.map(start))
  const [source = given, target = given] = clusters.map((cluster) => cluster.url())
  if (!source || !target) throw new Error('TEST_DATABASE_URL is empty.')
  const stop = async () => {
    await Promise.all([data?.discard(), ...clusters.map((cluster) => cluster.stop('immediate'))])
  }
  try {
    return { value: { ...(await fillServers(source, target)), preparedData: data?.path ?? '' }, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What `preparedData` copies; undefined where the installed release does not run, as beside TEST_DATABASE_URL it need not. */
async function prepareData(): Promise<DataDirectory | undefined> {
  const account = await serverAccount()
  const data = await openDataDirectory(account, {})
  try {
    await data.initialise(await runnableBinaries(account), unwatched)
    return data
  } catch {
    await data.discard()
    return undefined
  }
}

const unwatched = { watch: () => undefined, dismiss: () => Promise.resolve() }

/**
 * A server of the installed release, where a password is hashed a thousand times, as few as dbmate accepts, and not 4,096: thousands of connections
 * each take a millisecond for it. Data in memory needs no processes that read it ahead.
 */
async function startQuick(settings: Readonly<Record<string, string>>): Promise<Cluster> {
  const cluster = await startCluster({
    settings: { ...settings, io_method: 'sync', scram_iterations: '1000' },
  })
  const client = new pg.Client(cluster.url())
  await client.connect()
  try {
    // It has the same, hashed when the data folder was made.
    const password = client.escapeLiteral(decodeURIComponent(new URL(cluster.url()).password))
    await client.query(`alter role current_user password ${password}`)
  } finally {
    await client.end()
  }
  return cluster
}

async function fillServers(source: string, target: string) {
  await buildTemplates(source, target)
  await connectOnce(urlOf(target, 'analytics_template'))
  // It has connected once, too.
  const planted = await readPlanted(urlOf(source, 'chatwoot_template'))
  await Promise.all([sealTemplate(source, 'chatwoot_template'), sealTemplate(target, 'analytics_template')])
  return { source, target, planted, run: randomBytes(4).toString('hex') }
}

function urlOf(server: string, database: string): string {
  return Object.assign(new URL(server), { pathname: `/${database}` }).href
}

/** The workers inherit this environment: with these names gone, no test can reach a developer's own databases. */
function forgetServers(): void {
  for (const name of Object.keys(process.env)) {
    if (/^(SOURCE_|LOCAL_|PG|DBMATE_|DATABASE_URL$)/i.test(name)) delete process.env[name]
  }
}

/** A session in a template blocks its copying, so nobody may open one. */
async function sealTemplate(server: string, name: string): Promise<void> {
  const client = new pg.Client(server)
  await client.connect()
  try {
    await client.query(
      `alter database ${client.escapeIdentifier(name)} with allow_connections false is_template true`,
    )
  } finally {
    await client.end()
  }
}
