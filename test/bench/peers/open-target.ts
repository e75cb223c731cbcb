import { randomBytes } from 'node:crypto'

import type { Cluster } from '../../../bin/demo/cluster.js'
import { openDatabase, type Database } from '../database.js'

/** An empty database, which is dropped at its end. */
export interface Target extends Database {
  /** How much the server has written ahead so far. */
  walBytes(): Promise<number>
}

export async function openTarget(cluster: Cluster): Promise<Target> {
  const name = `peer_${randomBytes(6).toString('hex')}`
  await using owner = openDatabase(cluster.url())
  await owner.query(`create database ${name} template template0`)
  const database = openDatabase(cluster.url(name))
  return {
    ...database,
    walBytes: async () => {
      const text = `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text as bytes`
      const [row] = await database.query<{ bytes: string }>(text)
      return Number(row?.bytes)
    },
    [Symbol.asyncDispose]: async () => {
      await database[Symbol.asyncDispose]()
      await using again = openDatabase(cluster.url())
      await again.query(`drop database ${name} with (force)`)
    },
  }
}
