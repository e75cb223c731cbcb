/** A file of a lake. */
export interface StoredFile {
  /** Below the place of the lake, with `/` on every system. */
  readonly path: string
  readonly bytes: number
  readonly modifiedAt: Date
}

/**
 * Where a lake lies: a folder or a prefix of a bucket. Paths are relative to it, with `/` between their parts. Every method throws
 * STORAGE_FAILED when the place cannot be reached, read or written, after the retries that make sense there.
 */
export interface LakeStorage extends AsyncDisposable {
  /** For messages: the folder, or `s3://bucket/prefix`; never a secret. */
  readonly place: string
  /** An existing local folder for files that are about to be put, best for those that are as large as a month. */
  readonly staging: string
  /**
   * Moves a local file there, which no longer exists afterwards. The content is durable once this resolves, and visible either not at all or
   * whole. Names are made up anew for each file, so nothing is ever overwritten on purpose.
   */
  put(path: string, localFile: string): Promise<void>
  /**
   * Creates a file with this text unless one of that name exists: of any number of callers at once, exactly one receives true. A caller whose
   * first try succeeded without an answer receives true as well, for which texts of different callers have to differ.
   */
  putIfAbsent(path: string, text: string): Promise<boolean>
  /** The text of a file; undefined where there is none. */
  read(path: string): Promise<string | undefined>
  /** Moves a copy of a file into a local one; false where there is none. */
  fetch(path: string, localFile: string): Promise<boolean>
  /** Every file whose path begins with the prefix, in the order of the paths; files that are still being written are left out. */
  list(prefix: string): AsyncIterable<StoredFile>
  /** Removes files; those that do not exist are none of its business. */
  remove(paths: readonly string[]): Promise<void>
  /** What a call that was broken off has left behind and that is older than this: unfinished writes, and files in `staging`. */
  removeUnfinished(before: Date): Promise<void>
}

/** How to reach a bucket; of no meaning for a folder. */
export interface StorageOptions {
  /** Of a store that is not AWS: `https://minio.example.com:9000`. (Default: what the SDK finds in its own settings, else AWS.) */
  readonly endpoint?: string | undefined
  /** (Default: what the SDK finds in its own settings, else us-east-1.) */
  readonly region?: string | undefined
  /** Whether the bucket is in the path of a URL and not in its host name. (Default: with an endpoint.) */
  readonly pathStyle?: boolean | undefined
}
