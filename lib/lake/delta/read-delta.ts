import { SyncError } from '../../domain/errors.js'
import type { LakeStorage } from '../storage/storage.js'
import type { DeltaProtocol } from './actions.js'
import { logFolder, versionFile, versionOf } from './log-files.js'
import { apply, newState, type DeltaTable, type ReadAction, type State } from './replay.js'
import { readSnapshot } from './snapshot.js'

export type { DeltaTable } from './replay.js'

/**
 * The newest version of the table; undefined where there is none. Throws LAKE_UNREADABLE where another program has changed the table in a way
 * that cannot be continued: with features that this package does not know, or by removing a part of the log that it needs.
 */
export async function readDelta(storage: LakeStorage): Promise<DeltaTable | undefined> {
  const versions = new Set<number>()
  for await (const { path } of storage.list(logFolder)) {
    const version = versionOf(path)
    if (version !== undefined) versions.add(version)
  }
  if (versions.size === 0) return undefined
  const newest = Math.max(...versions)
  const snapshot = await readSnapshot(storage, versions)
  const checkpoint = snapshot?.version ?? -1
  const state = newState()
  if (snapshot) replay(storage, state, snapshot.text)
  for (let from = checkpoint + 1; from <= newest; from += readAtOnce) {
    const length = Math.min(readAtOnce, newest + 1 - from)
    const wanted = Array.from({ length }, (_, index) => from + index)
    const gap = wanted.find((version) => !versions.has(version))
    if (gap !== undefined) throw unreadable(storage, `its log lacks version ${gap}`)
    for (const text of await Promise.all(wanted.map((version) => storage.read(versionFile(version))))) {
      if (text === undefined) throw unreadable(storage, 'a file of its log disappeared')
      replay(storage, state, text)
    }
  }
  return { ...tableOf(storage, state), version: newest, checkpoint }
}

/** Of a bucket each takes a while. */
const readAtOnce = 16

function replay(storage: LakeStorage, state: State, text: string): void {
  try {
    // One value instead of many: the lines of JSON are the elements of a list.
    const actions: ReadAction[] = JSON.parse(`[${text.trim().replaceAll(/[\r\n]+/g, ',')}]`)
    for (const action of actions) apply(state, action)
  } catch (cause) {
    throw unreadable(storage, 'a file of its log is no JSON', cause)
  }
}

function tableOf(storage: LakeStorage, state: State): Omit<DeltaTable, 'version' | 'checkpoint'> {
  const { protocol, metadata, files, removed, transactions } = state
  if (!protocol || !metadata) throw unreadable(storage, 'its log names no protocol or no schema')
  const unknown = unknownIn(protocol)
  if (unknown !== undefined) throw unreadable(storage, `another program has turned on ${unknown}`)
  return { protocol, metadata, files, removed, transactions }
}

/** Features under which what this package writes and reads stays right. */
const known: ReadonlySet<string> = new Set(['timestampNtz', 'appendOnly', 'invariants'])

function unknownIn(protocol: DeltaProtocol): string | undefined {
  const { minReaderVersion: reader, minWriterVersion: writer } = protocol
  const features = [...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])]
  const feature = features.find((name) => !known.has(name))
  if (feature !== undefined) return `the feature ${feature}`
  const isKnown = (reader === 1 && (writer <= 2 || writer === 7)) || (reader === 3 && writer === 7)
  return isKnown ? undefined : `reader version ${reader} and writer version ${writer}`
}

function unreadable({ place }: LakeStorage, why: string, cause?: unknown): SyncError {
  return new SyncError('LAKE_UNREADABLE', `The lake ${place} cannot be continued: ${why}.`, {
    remedy: 'Name an empty place for a new lake, and let other programs only read this one.',
    details: { place },
    cause,
  })
}
