import { createHash } from 'node:crypto'
import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

import { SyncError } from '../../lib/domain/errors.js'

/**
 * The path of a copy of a folder, in the temporary folder, that every account of this system can read and only ours can write. It is named
 * after the content and our user id, made once and shared by all processes. Links are left out.
 * Throws DEMO_SERVER_FAILED when someone else's folder is in its place.
 */
export async function copyForEveryone(original: string): Promise<string> {
  const files = await filesIn(original)
  const content = createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 16)
  const copy = join(tmpdir(), `chatwoot-sync-postgres-${content}-${process.geteuid?.() ?? 'user'}`)
  if (await isComplete(copy, files)) return copy
  const draft = await mkdtemp(`${copy}-`)
  try {
    await fill(draft, original)
    await rename(draft, copy).catch(async (error: unknown) => {
      // Another process was faster, or a cleaner of temporary files has removed parts of an old copy.
      if (await isComplete(copy, files)) return
      await rename(copy, join(draft, 'damaged')).catch(() => Promise.reject(error))
      await rename(draft, copy)
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return copy
}

/** Path and size of every file, sorted. */
async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name)
      return `${relative(directory, path)} ${(await lstat(path)).size}`
    })
  return (await Promise.all(files)).sort()
}

/** False if it does not exist. */
async function isComplete(copy: string, files: readonly string[]): Promise<boolean> {
  const found = await lstat(copy).catch(() => undefined)
  if (!found) return false
  const own = process.geteuid === undefined || (found.uid === process.geteuid() && (found.mode & 0o022) === 0)
  if (!own || !found.isDirectory()) {
    throw new SyncError(
      'DEMO_SERVER_FAILED',
      `${copy} was created by another user, so its programs cannot be trusted.`,
      {
        remedy: 'Remove it, or set TMPDIR to one of your own folders.',
      },
    )
  }
  return (await filesIn(copy)).join() === files.join()
}

/** Copies all files, and makes the folders accessible only at the end, so that nobody sees an unfinished copy. */
async function fill(draft: string, original: string): Promise<void> {
  const entries = await readdir(original, { recursive: true, withFileTypes: true })
  const target = (entry: (typeof entries)[number]) =>
    join(draft, relative(original, entry.parentPath), entry.name)
  for (const entry of entries.filter((each) => each.isDirectory()))
    await mkdir(target(entry), { recursive: true })
  const copied = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      await copyFile(join(entry.parentPath, entry.name), target(entry))
      await chmod(target(entry), 0o755)
    })
  await Promise.all(copied)
  for (const entry of entries.filter((each) => each.isDirectory())) await chmod(target(entry), 0o755)
  await chmod(draft, 0o755)
}
