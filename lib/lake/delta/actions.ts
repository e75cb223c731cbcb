/** What a reader and a writer have to understand. */
export interface DeltaProtocol {
  readonly minReaderVersion: number
  readonly minWriterVersion: number
  readonly readerFeatures?: readonly string[]
  readonly writerFeatures?: readonly string[]
}

/** What the table is. */
export interface DeltaMetadata {
  readonly id: string
  readonly name?: string
  readonly description?: string
  readonly format: { readonly provider: 'parquet'; readonly options: Readonly<Record<string, string>> }
  /** A `DeltaSchema` as JSON. */
  readonly schemaString: string
  readonly partitionColumns: readonly string[]
  readonly configuration: Readonly<Record<string, string>>
  readonly createdTime: number
}

export type PartitionValues = Readonly<Record<string, string | null>>

/** A file of the table. */
export interface DeltaFile {
  /** Below the table; percent-encoded where it has to be, which names of ours do not. */
  readonly path: string
  readonly partitionValues: PartitionValues
  readonly size: number
  /** Milliseconds. */
  readonly modificationTime: number
  readonly dataChange: boolean
  /** `FileStatistics` as JSON. */
  readonly stats?: string
  /** Notes of the writer, of no meaning for readers. */
  readonly tags?: Readonly<Record<string, string>>
}

/** A file that no longer belongs to the table. It stays where it is for readers of earlier versions, until a vacuum. */
export interface DeltaRemoval {
  readonly path: string
  /** Milliseconds. */
  readonly deletionTimestamp: number
  readonly dataChange: boolean
  readonly extendedFileMetadata: true
  readonly partitionValues: PartitionValues
  readonly size: number
}

/** How far a writer has got; each version holds the last one of each writer. */
export interface DeltaTransaction {
  readonly appId: string
  readonly version: number
  /** Milliseconds. */
  readonly lastUpdated?: number
}

/** Who wrote a version and how; free of personal data. */
export type DeltaCommitInfo = Readonly<Record<string, unknown>> & {
  readonly timestamp: number
  readonly operation: string
}

/** One line of a version. */
export type DeltaAction =
  | { readonly commitInfo: DeltaCommitInfo }
  | { readonly protocol: DeltaProtocol }
  | { readonly metaData: DeltaMetadata }
  | { readonly add: DeltaFile }
  | { readonly remove: DeltaRemoval }
  | { readonly txn: DeltaTransaction }

/** The action that takes a file out of the table. */
export const removalOf = ({ path, partitionValues, size }: DeltaFile, at: number): DeltaAction => ({
  remove: {
    ...{ path, deletionTimestamp: at, dataChange: true, extendedFileMetadata: true, partitionValues, size },
  },
})
