import type { LakeStorage } from './storage.js'

/** How to reach a bucket; of no meaning for a folder. */
export interface StorageOptions {
  /** Of a store that is not AWS: `https://minio.example.com:9000`. (Default: that of the SDK's own settings, else AWS.) */
  readonly endpoint?: string | undefined
  /** (Default: that of the SDK's own settings, else us-east-1.) */
  readonly region?: string | undefined
  /** Whether the bucket is in the path of a URL and not in its host name. (Default: with an endpoint.) */
  readonly pathStyle?: boolean | undefined
}

/**
 * The storage that `to` names: a folder, which is created, or `s3://bucket/prefix`. Throws CONFIG_INVALID for a text that is neither,
 * CONFIG_MISSING when a bucket is named and the package @aws-sdk/client-s3 is not installed, and LAKE_FAILED.
 */
export declare function openStorage(to: string, options?: StorageOptions): Promise<LakeStorage>

/**
 * Whether `putIfAbsent` keeps its promise there, tried on a file that is removed again. A store that ignores the condition would let two
 * writers lose the work of one.
 */
export declare function honoursPutIfAbsent(storage: LakeStorage): Promise<boolean>
