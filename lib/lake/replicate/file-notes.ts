import type { DeltaFile, DeltaMetadata } from '../delta/actions.js'
import type { LakeSettings } from '../../postgres/control/lakes.js'

/** What this package has noted of a file when it wrote it. */
export interface FileNotes {
  readonly month: string
  /** The day whose rows it holds; undefined for a whole month. */
  readonly day: string | undefined
  readonly rows: number
  /** Of the row versions that it was written from; undefined for a file of another program, and for one of an archive. */
  readonly digest: string | undefined
  /** The table no longer has its rows. */
  readonly isArchived: boolean
}

const prefix = 'chatwootSync.'

export function notesOf(file: Pick<DeltaFile, 'partitionValues' | 'tags' | 'stats'>): FileNotes {
  const note = (name: string) => file.tags?.[`${prefix}${name}`]
  return {
    month: file.partitionValues['month'] ?? '',
    day: note('day'),
    rows: Number(note('rows') ?? rowsOf(file.stats)),
    digest: note('digest'),
    isArchived: note('archived') !== undefined,
  }
}

function rowsOf(stats: string | undefined): number {
  const { numRecords = 0 }: { numRecords?: number } = JSON.parse(stats ?? '{}')
  return numRecords
}

export function tagsOf({ day, rows, digest }: Pick<FileNotes, 'day' | 'rows'> & { readonly digest: string }) {
  return {
    [`${prefix}rows`]: String(rows),
    [`${prefix}digest`]: digest,
    ...(day === undefined ? {} : { [`${prefix}day`]: day }),
  }
}

/** Months of which the lake holds rows that the table no longer has: their files are kept, whatever the table says. */
export function archivedMonths({ configuration }: Pick<DeltaMetadata, 'configuration'>): ReadonlySet<string> {
  const list = configuration[`${prefix}archivedMonths`]
  return new Set(list ? list.split(',') : [])
}

/** Whether this package has written the table. */
export const isOurs = ({ configuration }: Pick<DeltaMetadata, 'configuration'>): boolean =>
  configuration[`${prefix}settings`] !== undefined

/** How the files of the table are written: what it was begun with, in the table itself, so that both change at once. */
export function settingsIn({ configuration }: Pick<DeltaMetadata, 'configuration'>): Form | undefined {
  const text = configuration[`${prefix}settings`]
  if (text === undefined) return undefined
  const settings: Partial<Form> = JSON.parse(text)
  return { without: settings.without ?? [], timestamps: settings.timestamps ?? 'ntz' }
}

/** The settings of a lake that decide what is in its files. */
export type Form = Pick<LakeSettings, 'without' | 'timestamps'>

export function withSettings(metadata: DeltaMetadata, { without, timestamps }: Form): DeltaMetadata {
  const text = JSON.stringify({ without, timestamps })
  return { ...metadata, configuration: { ...metadata.configuration, [`${prefix}settings`]: text } }
}
