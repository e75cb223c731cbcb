import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'

import { startCluster } from '../../../bin/demo/cluster.js'
import type { Arguments } from '../arguments.js'
import { createPair, openDatabase } from '../database.js'
import { describeMachine } from '../machine.js'
import { dlt } from './dlt.js'
import { floors } from './floors.js'
import { ingestr } from './ingestr.js'
import { countLost, type Lost } from './lost-rows.js'
import { measureRound, type Sample } from './measure.js'
import { ours } from './ours.js'
import type { Peer } from './peer.js'
import { resultOf, type PeerResult } from './results.js'
import { singer } from './singer.js'
import { sling } from './sling.js'
import { openTaskData } from './task-data.js'

/** As a server that keeps what it has committed; nothing works in the background while time is taken. */
const settings = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  autovacuum: 'off',
  checkpoint_timeout: '1h',
  max_wal_size: '16GB',
  shared_buffers: '512MB',
}

/** PostgreSQL 15 with its client programs, as Debian has it; else the embedded one, with the programs of the path. */
const debian = '/usr/lib/postgresql/15'

const runsUnderLoad = 10

/** Every tool in turns on the same servers and data; throws before anything is measured when one cannot be installed. */
export async function benchPeers({ rows, repeat, only, prefix }: Arguments, log: (line: string) => void) {
  const native = existsSync(debian) ? debian : undefined
  const peers = choose([ours, sling, ingestr, dlt, singer, ...floors(native)], only)
  const place = prefix ?? (await mkdtemp(join(tmpdir(), 'chatwoot-sync-peers-')))
  try {
    const installed = await installAll(peers, place, log)
    const options = { settings, ...(native && { nativeDirectory: native }) }
    await using source = await startCluster(options)
    await using target = await startCluster(options)
    await using server = openDatabase(source.url())
    await using pair = await createPair(source, target, 'peers')
    const data = await openTaskData(pair, rows)
    const about = { rows, columns: data.task.columns.length, bytes: data.bytes }
    log(`${about.rows} rows of ${about.columns} columns, ${(about.bytes / 1e6).toFixed(0)} MB`)
    const lost = new Map<Peer, Lost>()
    for (const peer of peers) {
      if (peer.kind === 'floor') continue
      const found = await countLost(peer, installed.get(peer) ?? '', { source, target }, runsUnderLoad)
      log(`  ${peer.name}: ${found.lost} rows lost of ${found.written} written`)
      lost.set(peer, found)
    }
    const machine = await describeMachine(server)
    const samples = new Map<Peer, Sample[]>(peers.map((peer) => [peer, []]))
    const measure = async (some: readonly Peer[]) => {
      for (const [peer, sample] of await measureRound(some, installed, data, target)) {
        log(`  ${peer.name}: ${JSON.stringify(sample)}`)
        samples.get(peer)?.push(sample)
      }
    }
    const quick = peers.filter(({ slow }) => !slow)
    for (let round = 1; round <= repeat; round += 1)
      await measure(round % 2 === 0 ? [...quick].reverse() : quick)
    for (const peer of peers.filter(({ slow }) => slow)) await measure([peer])
    const results = peers.map((peer): PeerResult =>
      resultOf(peer, samples.get(peer) ?? [], lost.get(peer) ?? null),
    )
    return { machine, loadAtEnd: loadavg()[0], settings, about, repeat, results }
  } finally {
    if (prefix === undefined) await rm(place, { recursive: true, force: true })
  }
}

/** Throws for a name that there is not. */
function choose(all: readonly Peer[], only: readonly string[] | undefined): readonly Peer[] {
  const unknown = only?.filter((name) => all.every((peer) => peer.name !== name)) ?? []
  if (unknown.length > 0)
    throw new Error(
      `No such tools: ${unknown.join(', ')}. There are: ${all.map(({ name }) => name).join('; ')}.`,
    )
  return only ? all.filter(({ name }) => only.includes(name)) : all
}

async function installAll(peers: readonly Peer[], prefix: string, log: (line: string) => void) {
  const installed = new Map<Peer, string>()
  for (const peer of peers) {
    if (peer.packages.length > 0) log(`installing ${peer.packages.join(' ')}`)
    installed.set(peer, await peer.install(prefix))
  }
  return installed
}
