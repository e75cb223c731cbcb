import type { Relation } from '../../postgres/driver/catalog.js'
import type { Session } from '../../postgres/driver/session.js'
import { daysQuery } from '../../postgres/target/lake-months.js'
import type { LakeStorage } from '../storage/storage.js'
import type { DeltaTable } from '../delta/read-delta.js'
import type { Day } from './plan-files.js'

/** What the open snapshot shows of these months, day by day. `added` are columns that are new in the lake. */
export async function examineMonths(
  target: Session,
  table: Pick<Relation, 'schema' | 'name'>,
  months: ReadonlySet<string> | 'all',
  added: readonly string[] = [],
): Promise<readonly Day[]> {
  if (months !== 'all' && months.size === 0) return []
  const rows = await target.rows(daysQuery(table, months, added))
  return rows.map((row) => ({
    month: row.month,
    day: row.day,
    rows: Number(row.rows),
    digest: row.digest,
    isFilled: row.has_values,
  }))
}

/** Paths of files of the newest version that are gone from the storage, or have another size there. */
export async function findMissing(
  storage: LakeStorage,
  table: DeltaTable | undefined,
): Promise<ReadonlySet<string>> {
  const missing = new Set(table?.files.keys())
  for await (const { path, bytes } of storage.list('month=')) {
    if (table?.files.get(path)?.size === bytes) missing.delete(path)
  }
  return missing
}
