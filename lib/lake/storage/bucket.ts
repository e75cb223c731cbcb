import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

import { getObject, listObjects, putFile, putText, removeObjects, type Bucket } from './bucket-objects.js'
import { bucketRequests, type BucketLimits } from './bucket-requests.js'
import { openStaging } from './bucket-staging.js'
import { loadSdk } from './s3-sdk.js'
import type { LakeStorage, StorageOptions } from './storage.js'

export interface BucketOptions extends StorageOptions {
  readonly bucket: string
  readonly prefix: string
}

/**
 * A lake in a bucket of S3 or of a store that speaks its protocol, with the credentials that the SDK finds. Throws CONFIG_MISSING when the
 * package @aws-sdk/client-s3 is not installed.
 */
export async function openBucket(
  options: BucketOptions,
  limits: Partial<BucketLimits> = {},
): Promise<LakeStorage> {
  const base = options.prefix.replaceAll(/^\/+|\/+$/g, '')
  const place = `s3://${options.bucket}${base === '' ? '' : `/${base}`}`
  const sdk = await loadSdk()
  const client = new sdk.S3Client(clientSettings(options))
  const request = bucketRequests(place, limits)
  const bucket: Bucket = { sdk, client, request, name: options.bucket, base }
  const staging = await openStaging(`${options.endpoint ?? ''} ${place}`)
  const read = (path: string) => getObject(bucket, path, textOf)

  return {
    place,
    staging: staging.path,
    put: (path, localFile) => putFile(bucket, path, localFile),
    // It may be there by a try of our own whose answer was lost.
    putIfAbsent: async (path, text) => (await putText(bucket, path, text)) || (await read(path)) === text,
    read,
    fetch: async (path, localFile) => {
      const fetched = await getObject(bucket, path, async (body, signal) => {
        await pipeline(body, createWriteStream(localFile, { mode: 0o600 }), { signal })
        return true
      })
      return fetched ?? false
    },
    list: (prefix) => listObjects(bucket, prefix),
    remove: (paths) => removeObjects(bucket, paths),
    // A request that was broken off leaves no object, but a process that was killed its local files.
    removeUnfinished: (before) => staging.removeOlder(before),
    [Symbol.asyncDispose]: async () => {
      client.destroy()
      await staging[Symbol.asyncDispose]()
    },
  }
}

function clientSettings({ endpoint, region, pathStyle }: BucketOptions) {
  return {
    ...(endpoint === undefined ? {} : { endpoint, region: 'us-east-1' }),
    ...(region === undefined ? {} : { region }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    // Each request is tried again from here, as a stream cannot be sent twice.
    maxAttempts: 1,
    // Stores that are not AWS know no other checksums than those that a request has to have.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would write to the console.
    logger: { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
  } as const
}

const ignore = () => undefined

/** A body that stops in the middle ends with the signal. */
async function textOf(body: AsyncIterable<Buffer>, signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = []
  await pipeline(
    body,
    async (source: AsyncIterable<Buffer>) => {
      for await (const piece of source) pieces.push(piece)
    },
    { signal },
  )
  return Buffer.concat(pieces).toString('utf8')
}
