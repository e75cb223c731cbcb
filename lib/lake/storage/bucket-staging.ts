import { createHash } from 'node:crypto'
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { fileError } from '../file-error.js'

/** A local folder for files that are about to be put into a bucket. */
export interface BucketStaging extends AsyncDisposable {
  readonly path: string
  /** Removes the folders that processes which were killed have left behind for the same place, and that are older than this. */
  removeOlder(before: Date): Promise<void>
}

/** Creates it, for its owner alone, below the folder for temporary files. Each `place` has folders of its own. Throws STORAGE_FAILED. */
export async function openStaging(place: string): Promise<BucketStaging> {
  const above = tmpdir()
  const digest = createHash('sha256').update(place).digest('hex')
  const prefix = `chatwoot-sync-lake-${digest.slice(0, 16)}-`
  const path = await mkdtemp(join(above, prefix)).catch((error: unknown) => {
    throw fileError(error, above)
  })
  return {
    path,
    removeOlder: async (before) => {
      const left = (await readdir(above)).map((name) => join(above, name))
      for (const folder of left.filter((each) => each.startsWith(join(above, prefix)) && each !== path)) {
        const found = await lstat(folder).catch(() => undefined)
        // One of another user of the machine is not ours to remove.
        if (found && found.mtime < before)
          await rm(folder, { recursive: true, force: true }).catch(() => undefined)
      }
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}
