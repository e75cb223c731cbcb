import type { LakeStorage } from '../storage/storage.js'
import { logFolder, snapshotFolder, snapshotVersionOf, versionOf } from './log-files.js'
import type { DeltaTable } from './read-delta.js'

export interface Vacuumed {
  readonly files: number
  readonly bytes: number
}

/**
 * Removes the files that no version needs which was the newest at `before` or later: those that were taken out of the table before that,
 * and those that are older and that no version has ever named. Files that are younger stay, as a writer may be about to commit them; with
 * `before` in the future the caller has to know that there is none. So does the log before the newest checkpoint that is older. What is
 * not Parquet is left alone.
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
  await trimLog(storage, before)
  await storage.removeUnfinished(before)
  return { files: unneeded.length, bytes }
}

/** Readers of Delta ignore what begins with `_` or `.`. */
const isDataFile = (path: string) =>
  path.endsWith('.parquet') && !path.split('/').some((part) => /^[_.]/.test(part))

/** Removes versions, checkpoints and copies that only versions need which were replaced before this time. */
async function trimLog(storage: LakeStorage, before: Date): Promise<void> {
  const old: { readonly path: string; readonly version: number }[] = []
  let from = -1
  for (const folder of [logFolder, snapshotFolder]) {
    for await (const { path, modifiedAt } of storage.list(folder)) {
      const version = versionOf(path) ?? snapshotVersionOf(path)
      if (version === undefined || modifiedAt >= before) continue
      old.push({ path, version })
      // It is written last, so that what else belongs to the checkpoint is there.
      if (folder === snapshotFolder) from = Math.max(from, version)
    }
  }
  // The oldest first, so that what remains is never without its beginning.
  const unneeded = old
    .filter(({ version }) => version < from)
    .sort((one, other) => one.version - other.version)
  await storage.remove(unneeded.map(({ path }) => path))
}
