import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type { S3Client } from '@aws-sdk/client-s3'

import { SyncError } from '../../domain/errors.js'
import type { StorageOptions } from './open-storage.js'
import type { LakeStorage, StoredFile } from './storage.js'

export interface BucketOptions extends StorageOptions {
  readonly bucket: string
  /** Without slashes around it; empty for the whole bucket. */
  readonly prefix: string
}
