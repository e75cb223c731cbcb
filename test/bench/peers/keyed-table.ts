import { openDatabase } from '../database.js'
import type { Task } from './peer.js'

/** An empty table like that of the source, with its primary key and no other index. */
export async function createKeyed({ target, table, key, columns }: Task): Promise<void> {
  await using database = openDatabase(target)
  const list = columns.map(({ name, type }) => `${name} ${type}`).join(', ')
  await database.query(`create table ${table} (${list}, primary key (${key}))`)
}
