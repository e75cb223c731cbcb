import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'

import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3'

import { fileError } from '../file-error.js'
import { isConditionFailed, isNotFound } from './bucket-error.js'
import type { BucketRequest } from './bucket-requests.js'
import type { loadSdk } from './s3-sdk.js'
import type { StoredFile } from './storage.js'

/** A bucket, and the prefix of the lake in it, without slashes around it. */
export interface Bucket {
  readonly sdk: Awaited<ReturnType<typeof loadSdk>>
  readonly client: S3Client
  readonly request: BucketRequest
  readonly name: string
  readonly base: string
}

/** What `take` makes of the content of an object; undefined where there is none. */
export async function getObject<T>(
  bucket: Bucket,
  path: string,
  take: (body: Readable, signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const { sdk, client, request } = bucket
  return await request('GetObject', async (abortSignal) => {
    try {
      const found = await client.send(new sdk.GetObjectCommand(at(bucket, path)), { abortSignal })
      return await take(bodyOf(found), abortSignal)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  })
}

/** Moves a local file there. */
export async function putFile(bucket: Bucket, path: string, localFile: string): Promise<void> {
  const { sdk, client, request } = bucket
  const ContentLength = await sizeOf(localFile)
  const send = async (abortSignal: AbortSignal) => {
    const Body = createReadStream(localFile)
    try {
      const put = new sdk.PutObjectCommand({ ...at(bucket, path), Body, ContentLength })
      await client.send(put, { abortSignal })
    } finally {
      Body.destroy()
    }
  }
  await request('PutObject', send, ContentLength)
  await rm(localFile, { force: true })
}

/** Creates an object; false where there is one. */
export async function putText(bucket: Bucket, path: string, Body: string): Promise<boolean> {
  const { sdk, client, request } = bucket
  return await request('PutObject', async (abortSignal) => {
    const put = new sdk.PutObjectCommand({ ...at(bucket, path), Body, IfNoneMatch: '*' })
    try {
      await client.send(put, { abortSignal })
      return true
    } catch (error) {
      if (isConditionFailed(error)) return false
      throw error
    }
  })
}

export async function removeObjects(bucket: Bucket, paths: readonly string[]): Promise<void> {
  const { sdk, client, request } = bucket
  const removeOne = (path: string) =>
    request('DeleteObject', async (abortSignal) => {
      await client.send(new sdk.DeleteObjectCommand(at(bucket, path)), { abortSignal })
    })
  for (let from = 0; from < paths.length; from += atOnce)
    await Promise.all(paths.slice(from, from + atOnce).map(removeOne))
}

/** Not every store removes many objects by one request. */
const atOnce = 16

export async function* listObjects(bucket: Bucket, prefix: string): AsyncGenerator<StoredFile> {
  const { sdk, client, request, base } = bucket
  const { Bucket: name, Key: Prefix } = at(bucket, prefix)
  let ContinuationToken: string | undefined
  do {
    const input = { Bucket: name, Prefix, ...(ContinuationToken ? { ContinuationToken } : {}) }
    const page = await request('ListObjectsV2', (abortSignal) =>
      client.send(new sdk.ListObjectsV2Command(input), { abortSignal }),
    )
    for (const { Key = '', Size = 0, LastModified = new Date() } of page.Contents ?? [])
      yield { path: Key.slice(base === '' ? 0 : base.length + 1), bytes: Size, modifiedAt: LastModified }
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined
  } while (ContinuationToken !== undefined)
}

const at = ({ name, base }: Bucket, path: string) => ({
  Bucket: name,
  Key: base === '' ? path : `${base}/${path}`,
})

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
