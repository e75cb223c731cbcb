import { setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Cluster } from '../../../bin/demo/cluster.js'
import { createItems, rowsAtFirst } from '../../soak/arena.js'
import { scenarios } from '../../soak/scenarios.js'
import { write, type Crowd } from '../../soak/writer.js'
import { createPair, openDatabase } from '../database.js'
import type { Peer, Task } from './peer.js'
import { runCommand } from './process-cost.js'

export interface Lost {
  /** Rows that are missing in the target or hold something older, although a run came after the last change. */
  readonly lost: number
  /** Rows that were written meanwhile. */
  readonly written: number
  readonly runs: number
}

/** The typical load of the soak, of which no run knows when a transaction commits. */
const load = scenarios.find(({ name }) => name === 'typical')

const items = {
  table: 'items',
  key: 'id',
  changedAt: 'updated_at',
  columns: [
    { name: 'id', type: 'integer' },
    { name: 'payload', type: 'text' },
    { name: 'updated_at', type: 'timestamptz' },
  ],
}

/** As many runs of a tool, one after the other, while others write; then a last one when all is committed. */
export async function countLost(
  peer: Peer,
  installed: string,
  { source: from, target: to }: { readonly source: Cluster; readonly target: Cluster },
  runs: number,
): Promise<Lost> {
  const folder = await mkdtemp(join(tmpdir(), 'chatwoot-sync-peer-'))
  await using pair = await createPair(from, to, `lost_${folder.slice(-6).toLowerCase()}`)
  const task: Task = { ...items, source: pair.source.url, target: pair.target.url, folder, installed }
  const run = (isFirst = false) => runCommand(peer.command(task, isFirst), folder)
  try {
    await pair.source.query(createItems)
    await peer.prepare(task)
    await run(true)
    const written = await underLoad(task.source, async () => {
      for (let count = 0; count < runs; count += 1) await run()
    })
    await run()
    return { lost: await difference(task, peer.tableOf(task)), written, runs }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Returns how many rows were written while the work was done. */
async function underLoad(url: string, work: () => Promise<void>): Promise<number> {
  if (!load) throw new Error('The soak has no typical load.')
  const stop = new AbortController()
  // Each writer waits for it.
  setMaxListeners(0, stop.signal)
  const crowd: Crowd = {
    url,
    seed: 1,
    skewAllowance: 400,
    stop: stop.signal,
    lastId: rowsAtFirst,
    rowsWritten: 0,
  }
  const writers = Promise.all(Array.from({ length: load.writers }, (_, place) => write(crowd, place, load)))
  try {
    await Promise.race([work(), writers])
  } finally {
    stop.abort()
    await writers
  }
  return crowd.rowsWritten
}

/** By key and content, as the types of the stamps differ. */
async function difference({ source, target, table }: Task, found: string): Promise<number> {
  const contents = async (url: string, from: string) => {
    await using database = openDatabase(url)
    const rows = await database.query<{ id: string; payload: string }>(
      `select id::text, payload from ${from}`,
    )
    return new Map(rows.map(({ id, payload }) => [id, payload]))
  }
  const [truth, copy] = await Promise.all([contents(source, table), contents(target, found)])
  return [...truth].filter(([id, payload]) => copy.get(id) !== payload).length
}
