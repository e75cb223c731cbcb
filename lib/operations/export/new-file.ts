import { randomUUID } from 'node:crypto'
import { rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

import { SyncError } from '../../domain/errors.js'
import { syncPath } from '../../lake/durable.js'
import { fileError } from '../../lake/file-error.js'

/** A file that appears whole or not at all. Disposing of it removes what was not published. */
export interface NewFile extends AsyncDisposable {
  /** The absolute path under which it will appear. */
  readonly path: string
  readonly folder: string
  /** A hidden name beside it, for what is not whole yet. */
  readonly unfinished: (extension: string) => string
  /** Lets a file with such a name appear, durably, in place of the one that was there. */
  publish(file: string): Promise<void>
}

/** Throws CONFIG_INVALID for a path that is a folder, STORAGE_FAILED where its folder does not exist. */
export async function openNewFile(to: string): Promise<NewFile> {
  const path = resolve(to)
  const folder = dirname(path)
  const hidden = join(folder, `.${basename(path)}.${randomUUID()}`)
  const begun = new Set<string>()
  await checkPlace(path, folder)
  return {
    path,
    folder,
    unfinished: (extension) => {
      const file = `${hidden}.${extension}`
      begun.add(file)
      return file
    },
    publish: async (file) => {
      try {
        await syncPath(file)
        await rename(file, path)
        await syncPath(folder)
      } catch (error) {
        throw fileError(error, path)
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const file of begun) await rm(file, { force: true, recursive: true })
    },
  }
}

async function checkPlace(path: string, folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => {
    throw fileError(error, path)
  })
  const there = await stat(path).catch(() => undefined)
  if (found.isDirectory() && there?.isDirectory() !== true) return
  throw new SyncError('CONFIG_INVALID', `${path} is ${there ? 'a folder' : 'in no folder'}.`, {
    remedy: 'Name a file in a folder that exists.',
    details: { path },
  })
}
