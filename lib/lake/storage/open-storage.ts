import { randomUUID } from 'node:crypto'

import { SyncError } from '../../domain/errors.js'
import { openFolder } from './folder.js'
import type { LakeStorage, StorageOptions } from './storage.js'

/**
 * The storage that `to` names: a folder, which is created, or `s3://bucket/prefix`. Throws CONFIG_INVALID for a text that is neither,
 * CONFIG_MISSING when a bucket is named and the package @aws-sdk/client-s3 is not installed, and STORAGE_FAILED.
 */
export async function openStorage(to: string, options: StorageOptions = {}): Promise<LakeStorage> {
  const [, scheme] = /^([a-z][a-z0-9+.-]+):\/\//i.exec(to) ?? []
  if (scheme === undefined && to.trim() !== '') return openFolder(to)
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,62})(?:\/(.*))?$/.exec(to) ?? []
  if (bucket === undefined) throw notAPlace(scheme)
  const { openBucket } = await import('./bucket.js')
  return openBucket({ bucket, prefix, ...options })
}

function notAPlace(scheme: string | undefined): SyncError {
  const what = scheme === undefined ? 'is empty' : `begins with ${scheme}://, and names no bucket of S3`
  return new SyncError('CONFIG_INVALID', `The place of the lake ${what}.`, {
    remedy: 'Name a folder, or s3://bucket/prefix, with --endpoint for a store that speaks S3.',
  })
}

/** What is wrong with a place where it does not, and what to do. */
export const overwriting = (place: string) => ({
  message: `${place} overwrites a file that may only be created, so that two writers could undo each other's work.`,
  remedy: 'Use a store that honours If-None-Match, as AWS and MinIO do.',
})

/**
 * Whether `putIfAbsent` keeps its promise there, tried on a file that is removed again. A store that ignores the condition would let one of
 * two writers undo the work of the other.
 */
export async function honoursPutIfAbsent(storage: LakeStorage): Promise<boolean> {
  const path = `_chatwoot_sync/probe-${randomUUID()}`
  try {
    const isFirst = await storage.putIfAbsent(path, randomUUID())
    return isFirst && !(await storage.putIfAbsent(path, randomUUID()))
  } finally {
    await storage.remove([path])
  }
}
