import { randomUUID } from 'node:crypto'
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

import { syncPath } from '../durable.js'
import { fileError, isMissing } from '../file-error.js'
import type { LakeStorage, StoredFile } from './storage.js'

/** Files that are not whole yet; readers of Delta ignore what begins with a dot. */
const stagingFolder = '.chatwoot-sync'

/** A lake in a folder, which is created. Its file system has to know hard links, without which nothing exists at most once. */
export async function openFolder(path: string): Promise<LakeStorage> {
  const root = resolve(path)
  const staging = join(root, stagingFolder)
  // Its files hold what people wrote: whom they are open to is for the owner to say.
  await guarded(root, () => makeFolder(root, 0o700))
  await guarded(staging, () => mkdir(staging, { recursive: true, mode: 0o700 }))
  const at = (file: string) => join(root, ...file.split('/'))

  return {
    place: root,
    staging,
    put: (file, localFile) => guarded(at(file), () => moveInto(at(file), localFile)),
    putIfAbsent: (file, text) =>
      guarded(at(file), () => linkText(at(file), join(staging, randomUUID()), text)),
    read: (file) => guarded(at(file), () => unlessMissing(readFile(at(file), 'utf8'))),
    fetch: async (file, localFile) =>
      guarded(at(file), async () => {
        const copied = await unlessMissing(copyFile(at(file), localFile).then(() => true))
        return copied ?? false
      }),
    list: (prefix) => listFolder(root, prefix),
    remove: async (files) => {
      for (const file of files) await guarded(at(file), () => rm(at(file), { force: true }))
    },
    removeUnfinished: (before) => guarded(staging, () => removeOlder(staging, before)),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw fileError(error, path)
  }
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function moveInto(path: string, localFile: string): Promise<void> {
  await makeFolder(dirname(path))
  await syncPath(localFile)
  try {
    await rename(localFile, path)
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'EXDEV') throw error
    const partial = join(dirname(path), `.${randomUUID()}`)
    await copyFile(localFile, partial)
    await syncPath(partial)
    await rename(partial, path)
    await rm(localFile, { force: true })
  }
  await syncPath(dirname(path))
}

/** A link is made once, whoever else tries; a rename would replace. */
async function linkText(path: string, partial: string, text: string): Promise<boolean> {
  await makeFolder(dirname(path))
  const file = await open(partial, 'wx')
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    await link(partial, path)
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'EEXIST') throw error
    return false
  } finally {
    await unlink(partial)
  }
  await syncPath(dirname(path))
  return true
}

/** A new folder survives a crash once the one around it is on disk. */
async function makeFolder(path: string, mode?: number): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode })
  if (first !== undefined) await syncPath(dirname(first))
}

async function* listFolder(root: string, prefix: string): AsyncGenerator<StoredFile> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  yield* walk(root, folder, prefix)
}

async function* walk(root: string, folder: string, prefix: string): AsyncGenerator<StoredFile> {
  const here = join(root, ...folder.split('/'))
  const entries = await guarded(here, () => unlessMissing(readdir(here, { withFileTypes: true })))
  const named = (entries ?? []).map((entry) => ({
    path: folder + entry.name + (entry.isDirectory() ? '/' : ''),
    entry,
  }))
  for (const { path, entry } of named.sort((one, other) => (one.path < other.path ? -1 : 1))) {
    if (entry.name.startsWith('.') || !(path.startsWith(prefix) || prefix.startsWith(path))) continue
    if (entry.isDirectory()) yield* walk(root, path, prefix)
    else if (entry.isFile()) {
      const found = await guarded(here, () => unlessMissing(stat(join(here, entry.name))))
      if (found) yield { path, bytes: found.size, modifiedAt: found.mtime }
    }
  }
}

async function removeOlder(folder: string, before: Date): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const found = await unlessMissing(stat(path))
    if (found && found.mtime < before) await rm(path, { recursive: true, force: true })
  }
}
