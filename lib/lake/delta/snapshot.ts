import { createHash } from 'node:crypto'

import type { LakeStorage } from '../storage/storage.js'
import type { DeltaAction } from './actions.js'
import { snapshotFile, snapshotFolder, snapshotVersionOf, versionFile } from './log-files.js'

/** What a version is, without the versions before it. */
export interface Snapshot {
  readonly version: number
  /** Actions as a version has them, line by line. */
  readonly text: string
}

/**
 * Our own copy of what the newest version is that has one; undefined without any. One whose version is no longer in the log, or was written
 * by somebody else meanwhile, is of another table.
 */
export async function readSnapshot(
  storage: LakeStorage,
  versions: ReadonlySet<number>,
): Promise<Snapshot | undefined> {
  const found: number[] = []
  for await (const { path } of storage.list(snapshotFolder)) {
    const version = snapshotVersionOf(path)
    if (version !== undefined && versions.has(version)) found.push(version)
  }
  for (const version of found.sort((one, other) => other - one)) {
    const [text, commit] = await Promise.all([
      storage.read(snapshotFile(version)),
      storage.read(versionFile(version)),
    ])
    if (text !== undefined && commit !== undefined && text.startsWith(headOf(commit)))
      return { version, text: text.slice(headOf(commit).length) }
  }
  return undefined
}

/** The text of the copy of a version whose own text this is. */
export const snapshotText = (commit: string, actions: readonly DeltaAction[]): string =>
  headOf(commit) + linesOf(actions)

/** Actions as a file of the log has them. */
export const linesOf = (actions: readonly DeltaAction[]): string =>
  actions.map((action) => `${JSON.stringify(action)}\n`).join('')

const headOf = (commit: string): string =>
  `${JSON.stringify({ ofVersion: createHash('sha256').update(commit).digest('hex') })}\n`
