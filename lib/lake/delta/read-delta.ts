import { SyncError } from '../../domain/errors.js'
import type { LakeStorage } from '../storage/storage.js'
import type { DeltaFile, DeltaMetadata, DeltaProtocol, DeltaRemoval, DeltaTransaction } from './actions.js'
import { logFolder, versionFile, versionOf } from './log-files.js'

/** A Delta table as of one version. */
export interface DeltaTable {
  readonly version: number
  readonly protocol: DeltaProtocol
  readonly metadata: DeltaMetadata
  /** By path. */
  readonly files: ReadonlyMap<string, DeltaFile>
  /** Files that are no longer in the table and that the log still knows, by path. */
  readonly removed: ReadonlyMap<string, DeltaRemoval>
  /** The last version that each writer has recorded, by its name. */
  readonly transactions: ReadonlyMap<string, number>
}

/**
 * The newest version of the table; undefined where there is none. Throws LAKE_UNREADABLE where another program has changed the table in a way
 * that cannot be continued: with features that this package does not know, or by removing a part of the log that it needs.
 */
export async function readDelta(storage: LakeStorage): Promise<DeltaTable | undefined> {
  const versions: number[] = []
  for await (const { path } of storage.list(logFolder)) {
    const version = versionOf(path)
    if (version !== undefined) versions.push(version)
  }
  if (versions.length === 0) return undefined
  const gap = versions.findIndex((version, index) => version !== index)
  if (gap >= 0) throw unreadable(storage, `its log lacks version ${gap}`)
  const state = newState()
  for (let from = 0; from < versions.length; from += readAtOnce) {
    const files = versions.slice(from, from + readAtOnce).map(versionFile)
    for (const text of await Promise.all(files.map((file) => storage.read(file)))) {
      if (text === undefined) throw unreadable(storage, 'a file of its log disappeared')
      for (const action of actionsIn(storage, text)) apply(state, action)
    }
  }
  return tableOf(storage, state, versions.length - 1)
}

/** Of a bucket each takes a while. */
const readAtOnce = 16

interface State {
  protocol: DeltaProtocol | undefined
  metadata: DeltaMetadata | undefined
  readonly files: Map<string, DeltaFile>
  readonly removed: Map<string, DeltaRemoval>
  readonly transactions: Map<string, number>
}

const newState = (): State => ({
  ...{ protocol: undefined, metadata: undefined },
  ...{ files: new Map(), removed: new Map(), transactions: new Map() },
})

function actionsIn(storage: LakeStorage, text: string): readonly ReadAction[] {
  try {
    // One value instead of many: the lines of JSON are the elements of a list.
    const actions: ReadAction[] = JSON.parse(`[${text.trim().replaceAll(/[\r\n]+/g, ',')}]`)
    return actions
  } catch (cause) {
    throw unreadable(storage, 'a file of its log is no JSON', cause)
  }
}

/** A line has one of these, or one that says nothing about the files. */
interface ReadAction {
  readonly protocol?: DeltaProtocol
  readonly metaData?: DeltaMetadata
  readonly add?: DeltaFile
  readonly remove?: DeltaRemoval
  readonly txn?: DeltaTransaction
}

function apply(state: State, { protocol, metaData, add, remove, txn }: ReadAction): void {
  if (protocol) state.protocol = protocol
  if (metaData) state.metadata = metaData
  if (remove) {
    state.files.delete(remove.path)
    state.removed.set(remove.path, remove)
  }
  if (add) {
    state.removed.delete(add.path)
    state.files.set(add.path, add)
  }
  if (txn) state.transactions.set(txn.appId, txn.version)
}

function tableOf(storage: LakeStorage, state: State, version: number): DeltaTable {
  const { protocol, metadata, files, removed, transactions } = state
  if (!protocol || !metadata) throw unreadable(storage, 'its log names no protocol or no schema')
  const unknown = unknownIn(protocol)
  if (unknown !== undefined) throw unreadable(storage, `another program has turned on ${unknown}`)
  return { version, protocol, metadata, files, removed, transactions }
}

/** Features under which what this package writes and reads stays right. */
const known: ReadonlySet<string> = new Set([
  'timestampNtz',
  'appendOnly',
  'invariants',
  'v2Checkpoint',
  'vacuumProtocolCheck',
])

function unknownIn(protocol: DeltaProtocol): string | undefined {
  const { minReaderVersion: reader, minWriterVersion: writer } = protocol
  const features = [...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])]
  const feature = features.find((name) => !known.has(name))
  if (feature !== undefined) return `the feature ${feature}`
  const isKnown =
    (reader === 1 && writer <= 2) || (reader === 3 && writer === 7) || (reader === 1 && writer === 7)
  return isKnown ? undefined : `reader version ${reader} and writer version ${writer}`
}

function unreadable({ place }: LakeStorage, why: string, cause?: unknown): SyncError {
  return new SyncError('LAKE_UNREADABLE', `The lake ${place} cannot be continued: ${why}.`, {
    remedy: 'Name an empty place for a new lake, and let other programs only read this one.',
    details: { place },
    cause,
  })
}
