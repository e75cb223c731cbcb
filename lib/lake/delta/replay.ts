import type {
  DeltaAction,
  DeltaFile,
  DeltaMetadata,
  DeltaProtocol,
  DeltaRemoval,
  DeltaTransaction,
} from './actions.js'

/** What the actions so far have made of a table. */
export interface State {
  protocol: DeltaProtocol | undefined
  metadata: DeltaMetadata | undefined
  readonly files: Map<string, DeltaFile>
  readonly removed: Map<string, DeltaRemoval>
  readonly transactions: Map<string, number>
}

export const newState = (): State => ({
  ...{ protocol: undefined, metadata: undefined },
  ...{ files: new Map(), removed: new Map(), transactions: new Map() },
})

/** A line has one of these, or one that says nothing about the files. */
export interface ReadAction {
  readonly protocol?: DeltaProtocol
  readonly metaData?: DeltaMetadata
  readonly add?: DeltaFile
  readonly remove?: DeltaRemoval
  readonly txn?: DeltaTransaction
}

export function apply(state: State, { protocol, metaData, add, remove, txn }: ReadAction): void {
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
  /** The version of the newest checkpoint; -1 without one. */
  readonly checkpoint: number
}

/**
 * The actions that make the table from nothing, and leave out what was removed before this time: nobody reads versions that are so old. In a
 * copy nothing changes the data.
 */
export function actionsFor(
  { protocol, metadata, files, removed, transactions }: Omit<DeltaTable, 'version' | 'checkpoint'>,
  removedSince: number,
): readonly DeltaAction[] {
  const kept = [...removed.values()].filter(({ deletionTimestamp }) => deletionTimestamp >= removedSince)
  return [
    { protocol },
    { metaData: metadata },
    ...[...transactions].map(([appId, version]) => ({ txn: { appId, version } })),
    ...[...files.values()].map((file) => ({ add: { ...file, dataChange: false } })),
    ...kept.map((removal) => ({ remove: { ...removal, dataChange: false } })),
  ]
}
