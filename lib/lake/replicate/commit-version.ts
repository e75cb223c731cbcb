import { SyncError } from '../../domain/errors.js'
import { announceVersion, recordVersion, type LakeVersion } from '../../postgres/control/lake-versions.js'
import type { RegisteredLake } from '../../postgres/control/lakes.js'
import type { Session } from '../../postgres/driver/session.js'
import { checkpointDelta, isCheckpointDue } from '../checkpoint-delta.js'
import { removalOf, type DeltaAction, type DeltaFile } from '../delta/actions.js'
import { commitDelta } from '../delta/commit-delta.js'
import type { DeltaTable } from '../delta/read-delta.js'
import { shapeActions, type TableShape } from '../delta/schema.js'
import type { LakeStorage } from '../storage/storage.js'
import { notesOf } from './file-notes.js'
import { writerOf } from './owner.js'
import { rowsIn } from './plan-files.js'

/** A version that is ready: its files are written, and nothing names them yet. */
export interface ReadyVersion {
  readonly before: DeltaTable | undefined
  readonly shape: TableShape
  readonly added: readonly DeltaFile[]
  readonly removed: readonly DeltaFile[]
  readonly months: readonly string[]
  readonly reason: string
  readonly equalAt: string
  /** The marks of the changes that it has. */
  readonly marks: readonly string[]
}

/**
 * Commits the version, and then deletes the marks that it answers. Where the program ends in between, they stay, and the next call finds that
 * their months are equal. Throws LAKE_CONFLICT when another writer has committed a version meanwhile: then nothing of this one is in the lake.
 */
export async function commitVersion(
  { target, storage, lake }: { target: Session; storage: LakeStorage; lake: RegisteredLake },
  ready: ReadyVersion,
): Promise<LakeVersion> {
  const version = (ready.before?.version ?? -1) + 1
  const described = describe(version, ready)
  const discard = () => storage.remove(ready.added.map(({ path }) => path))
  try {
    await announceVersion(target, lake, described)
  } catch (error) {
    await discard().catch(() => undefined)
    throw error
  }
  // When this throws, nobody knows whether the version is there, so its files stay.
  if (!(await commitDelta(storage, version, actionsOf(version, ready, writerOf(lake))))) {
    await discard()
    throw conflict(storage, version)
  }
  await recordVersion(target, lake, { version, equalAt: ready.equalAt, marks: ready.marks })
  // The version is there whatever becomes of it; where it fails, the next one tries again.
  if (isCheckpointDue({ version, checkpoint: ready.before?.checkpoint ?? -1 }))
    await checkpointDelta(storage).catch(() => undefined)
  return described
}

function actionsOf(version: number, ready: ReadyVersion, writer: string): DeltaAction[] {
  const { before, shape, added, removed } = ready
  const now = Date.now()
  return [
    ...shapeActions(shape, before),
    { txn: { appId: writer, version, lastUpdated: now } },
    ...removed.map((file) => removalOf(file, now)),
    ...added.map((file) => ({ add: file })),
  ]
}

/** The files of the lake once the version is committed. */
function filesAfter({ before, added, removed }: Pick<ReadyVersion, 'before' | 'added' | 'removed'>) {
  const gone = new Set(removed.map(({ path }) => path))
  const kept = [...(before?.files.values() ?? [])].filter(({ path }) => !gone.has(path))
  return [...kept, ...added]
}

function describe(version: number, ready: ReadyVersion): LakeVersion {
  const { equalAt, reason, months, added, removed } = ready
  return {
    ...{ version, equalAt, reason, months },
    rowsWritten: rowsIn(added.map(notesOf)),
    bytesWritten: bytesIn(added),
    filesAdded: added.length,
    filesRemoved: removed.length,
    ...totalsOf(filesAfter(ready)),
  }
}

/** What all files of a version hold. */
export function totalsOf(files: readonly DeltaFile[]) {
  const notes = files.map(notesOf)
  return {
    rowsTotal: rowsIn(notes),
    bytesTotal: bytesIn(files),
    filesTotal: files.length,
    monthsTotal: new Set(notes.map(({ month }) => month)).size,
    filesArchived: notes.filter(({ isArchived }) => isArchived).length,
  }
}

const bytesIn = (files: readonly DeltaFile[]) => files.reduce((sum, { size }) => sum + size, 0)

function conflict({ place }: LakeStorage, version: number): SyncError {
  return new SyncError('LAKE_CONFLICT', `Another writer has committed version ${version} of ${place}.`, {
    remedy: 'Nothing of this one is in the lake. Let one program write to it, and run it again.',
    details: { lake: place, version },
  })
}
