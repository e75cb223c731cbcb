import { SyncError } from '../../domain/errors.js'
import type { RegisteredLake } from '../../postgres/control/lakes.js'
import type { DeltaTable } from '../delta/read-delta.js'
import { archivedMonths, isOurs, notesOf } from './file-notes.js'

/** The name under which a lake records in its log how far it has got. */
export const writerOf = ({ lakeId }: Pick<RegisteredLake, 'lakeId'>): string => `${writerPrefix}${lakeId}`

/** What the log says of a lake. */
export type Standing = 'new' | 'known' | 'unknown'

const writerPrefix = 'chatwoot-sync/'

/**
 * What the log says of the lake that is registered: `new` where there is none, `known` where its newest version is the one that the target
 * remembers, else `unknown`, so that nothing but a comparison shows what it lacks: the program was ended between the commit of a version
 * and its record, either side was restored, or another program has arranged the files anew.
 *
 * Throws LAKE_TAKEN where the table is not the one that this lake has written, unless the caller takes it over, and where files of an
 * archive were changed, as nothing else holds their rows.
 */
export function standingOf(
  table: DeltaTable | undefined,
  lake: Pick<RegisteredLake, 'lakeId' | 'version'>,
  place: string,
  { takesOver }: { readonly takesOver: boolean },
): Standing {
  if (!table) return 'new'
  if (!isOurs(table.metadata)) throw taken(place, 'holds a Delta table that another program has made', other)
  requireArchive(table, place)
  const written = table.transactions.get(writerOf(lake))
  const lastOfOthers = Math.max(
    -1,
    ...[...table.transactions].flatMap(([writer, version]) =>
      writer.startsWith(writerPrefix) && writer !== writerOf(lake) ? [version] : [],
    ),
  )
  if (written === undefined || lastOfOthers > written) {
    if (takesOver) return 'unknown'
    throw taken(
      place,
      'was written last by another pipeline or another database',
      `${other} To take it over, run once with --since-scratch.`,
    )
  }
  return table.version === written && lake.version === written ? 'known' : 'unknown'
}

const other = 'Name another place.'

/** A program that joins files drops what was noted of them. */
function requireArchive({ files, metadata }: DeltaTable, place: string): void {
  const archived = archivedMonths(metadata)
  for (const file of files.values()) {
    const { month, isArchived, digest } = notesOf(file)
    if (!archived.has(month) || isArchived || digest !== undefined) continue
    throw taken(
      place,
      `has files of the archived month ${month} that another program has written`,
      'Restore the version before, as by RESTORE of Spark, and let no other program write to it.',
    )
  }
}

function taken(place: string, what: string, remedy: string): SyncError {
  return new SyncError('LAKE_TAKEN', `${place} ${what}; nothing was written.`, {
    remedy,
    details: { lake: place },
  })
}
