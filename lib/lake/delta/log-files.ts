/** The folder of the log, below the table. */
export const logFolder = '_delta_log/'

/** The file of a version; digits, so that names order as versions do. */
export const versionFile = (version: number): string =>
  `${logFolder}${String(version).padStart(20, '0')}.json`

/** The version of which a file of the log is the commit; undefined for others. */
export function versionOf(path: string): number | undefined {
  const [, digits] = /^_delta_log\/(\d{20})\.json$/.exec(path) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** What readers take instead of the versions up to this one. */
export const checkpointFile = (version: number): string =>
  versionFile(version).replace(/json$/, 'checkpoint.parquet')

/** The folder of our own copies of what a version is; readers of Delta ignore what begins with `_`. */
export const snapshotFolder = '_chatwoot_sync/'

export const snapshotFile = (version: number): string =>
  `${snapshotFolder}${String(version).padStart(20, '0')}.jsonl`

/** The version of such a file, or of a checkpoint; undefined for others. */
export function snapshotVersionOf(path: string): number | undefined {
  const [, digits] =
    /^(?:_chatwoot_sync\/(?=\d+\.jsonl$)|_delta_log\/(?=\d+\.checkpoint\.parquet$))(\d{20})\./.exec(path) ??
    []
  return digits === undefined ? undefined : Number(digits)
}

/** Names the newest checkpoint. */
export const lastCheckpointFile = `${logFolder}_last_checkpoint`
