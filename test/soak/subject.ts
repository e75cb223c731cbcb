import type pg from 'pg'

import { rowColumns } from '../../lib/chatwoot/columns.js'
import type { CustomRelation } from '../../lib/options.js'

/** What is written to, read and compared. */
export interface Subject {
  /** Relation of the source that holds the truth. */
  readonly relation: string
  readonly key: string
  readonly changedAt: string
  readonly columns: readonly string[]
  /** Table of the target that the runs load. */
  readonly table: string
  /** What the runs read; undefined for the built-in query. */
  readonly custom: CustomRelation | undefined
}

export const items: Subject = {
  relation: 'items',
  key: 'id',
  changedAt: 'updated_at',
  columns: ['id', 'payload', 'updated_at'],
  table: 'soak_items',
  custom: { name: 'items', key: 'id', changedAt: 'updated_at' },
}

export const conversations: Subject = {
  relation: 'soak_conversations',
  key: 'conversation_id',
  changedAt: 'conversation_updated_at',
  columns: rowColumns,
  table: 'conversas_analytics',
  custom: undefined,
}

/** An empty source, for a Chatwoot of another size; compared by `verify` alone. */
export const blank: Subject = { ...conversations, relation: '' }

/** The content of each row as one short text, by key. The session has to write times in UTC. */
export async function contents(
  pool: pg.Pool,
  { key, columns }: Subject,
  from: string,
): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ key: string; content: string }>(
    `select ${key}::text as key, md5(row(${columns.join(', ')})::text) as content from ${from}`,
  )
  return new Map(rows.map((row) => [row.key, row.content]))
}

/** Keys of the truth that are missing or hold something else. */
export function keysLost(
  truth: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string | null>,
): string[] {
  return [...truth].flatMap(([key, content]) => (found.get(key) === content ? [] : [key]))
}
