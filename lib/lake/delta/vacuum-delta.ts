import type { LakeStorage } from '../storage/storage.js'
import type { DeltaTable } from './read-delta.js'

export interface Vacuumed {
  readonly files: number
  readonly bytes: number
}

/**
 * Removes the files that no version needs which was the newest at `before` or later: those that were taken out of the table before that,
 * and those that are older and that no version has ever named. Files that are younger stay, as a writer may be about to commit them; with
 * `before` in the future the caller has to know that there is none. What is not Parquet is left alone.
 */
export async function vacuumDelta(
  storage: LakeStorage,
  { files, removed }: Pick<DeltaTable, 'files' | 'removed'>,
  before: Date,
): Promise<Vacuumed> {
  const unneeded: string[] = []
  let bytes = 0
  for await (const file of storage.list('')) {
    if (!isDataFile(file.path) || files.has(file.path)) continue
    const until = removed.get(file.path)?.deletionTimestamp ?? file.modifiedAt.getTime()
    if (until >= before.getTime()) continue
    unneeded.push(file.path)
    bytes += file.bytes
  }
  await storage.remove(unneeded)
  await storage.removeUnfinished(before)
  return { files: unneeded.length, bytes }
}

/** Readers of Delta ignore what begins with `_` or `.`. */
const isDataFile = (path: string) =>
  path.endsWith('.parquet') && !path.split('/').some((part) => /^[_.]/.test(part))
