import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'

import { fileError } from '../file-error.js'
import { isConditionFailed, isNotFound } from './bucket-error.js'
import { bucketRequests, type BucketLimits } from './bucket-requests.js'
import type { StorageOptions } from './open-storage.js'
import { loadSdk } from './s3-sdk.js'
import type { LakeStorage, StoredFile } from './storage.js'

export interface BucketOptions extends StorageOptions {
  readonly bucket: string
  readonly prefix: string
}

/**
 * A lake in a bucket of S3 or of a store that speaks its protocol, with the credentials that the SDK finds. Throws CONFIG_MISSING when the
 * package @aws-sdk/client-s3 is not installed.
 */
export async function openBucket(
  { bucket: Bucket, prefix, endpoint, region, pathStyle }: BucketOptions,
  limits: Partial<BucketLimits> = {},
): Promise<LakeStorage> {
  const sdk = await loadSdk()
  const base = prefix.replaceAll(/^\/+|\/+$/g, '')
  const place = `s3://${Bucket}${base === '' ? '' : `/${base}`}`
  const client = new sdk.S3Client({
    ...(endpoint === undefined ? {} : { endpoint, region: region ?? 'us-east-1' }),
    ...(region === undefined ? {} : { region }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    // Each request is tried again from here, as a stream cannot be sent twice.
    maxAttempts: 1,
    // Stores that are not AWS know no other checksums than those that a request has to have.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  const request = bucketRequests(place, limits)
  const staging = await mkdtemp(join(tmpdir(), 'chatwoot-sync-lake-'))
  const at = (path: string) => ({ Bucket, Key: base === '' ? path : `${base}/${path}` })

  async function get<T>(path: string, take: (body: Readable, signal: AbortSignal) => Promise<T>) {
    return request('GetObject', async (abortSignal) => {
      try {
        const found = await client.send(new sdk.GetObjectCommand(at(path)), { abortSignal })
        return await take(bodyOf(found), abortSignal)
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    })
  }
  const read = async (path: string) => get(path, (body) => text(body))

  return {
    place,
    staging,
    put: async (path, localFile) => {
      const size = await sizeOf(localFile)
      await request(
        'PutObject',
        async (abortSignal) => {
          const Body = createReadStream(localFile)
          const put = new sdk.PutObjectCommand({ ...at(path), Body, ContentLength: size })
          await client.send(put, { abortSignal }).finally(() => Body.destroy())
        },
        size,
      )
      await rm(localFile, { force: true })
    },
    putIfAbsent: async (path, content) => {
      const isPut = await request('PutObject', async (abortSignal) => {
        const put = new sdk.PutObjectCommand({ ...at(path), Body: content, IfNoneMatch: '*' })
        try {
          await client.send(put, { abortSignal })
          return true
        } catch (error) {
          if (isConditionFailed(error)) return false
          throw error
        }
      })
      // It may be there by a try of our own whose answer was lost.
      return isPut || (await read(path)) === content
    },
    read,
    fetch: async (path, localFile) => {
      const fetched = await get(path, async (body, signal) => {
        await pipeline(body, createWriteStream(localFile, { mode: 0o600 }), { signal })
        return true
      })
      return fetched ?? false
    },
    list: (path) => listObjects(path),
    remove: async (paths) => {
      for (let from = 0; from < paths.length; from += atOnce)
        await Promise.all(
          paths.slice(from, from + atOnce).map((path) =>
            request('DeleteObject', async (abortSignal) => {
              await client.send(new sdk.DeleteObjectCommand(at(path)), { abortSignal })
            }),
          ),
        )
    },
    removeUnfinished: async () => undefined,
    [Symbol.asyncDispose]: async () => {
      client.destroy()
      await rm(staging, { recursive: true, force: true })
    },
  }

  async function* listObjects(path: string): AsyncGenerator<StoredFile> {
    const skip = base === '' ? 0 : base.length + 1
    let ContinuationToken: string | undefined
    do {
      const input = { Bucket, Prefix: at(path).Key, ...(ContinuationToken ? { ContinuationToken } : {}) }
      const page = await request('ListObjectsV2', (abortSignal) =>
        client.send(new sdk.ListObjectsV2Command(input), { abortSignal }),
      )
      for (const { Key = '', Size = 0, LastModified = new Date() } of page.Contents ?? [])
        yield { path: Key.slice(skip), bytes: Size, modifiedAt: LastModified }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined
    } while (ContinuationToken !== undefined)
  }
}

const atOnce = 16

/** In Node a body is a stream of Node. */
function bodyOf({ Body }: GetObjectCommandOutput): Readable {
  if (Body instanceof Readable) return Body
  throw new TypeError('The SDK returned no stream.')
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    throw fileError(error, path)
  }
}
