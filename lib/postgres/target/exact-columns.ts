import type { Cells } from '../driver/session.js'

/** Columns that are written, and which of them could change a value. */
interface LossyColumns {
  readonly columns: readonly { readonly name: string }[]
  readonly lossy: readonly string[]
}

export const placeName = 'chatwoot_sync_place'

export const exactName = (index: number) => `chatwoot_sync_exact_${index}`

/** What the stage holds beside the columns of the table: the place of the row, and the texts that lossy columns were read from. */
export function exactColumns({ lossy }: Pick<LossyColumns, 'lossy'>) {
  if (lossy.length === 0) return []
  const texts = lossy.map((_, index) => ({ name: exactName(index), type: 'text' }))
  return [{ name: placeName, type: 'integer' }, ...texts]
}

/** Rows with the cells of these columns behind their own. */
export function withExact({ lossy, columns }: LossyColumns, rows: readonly Cells[]): readonly Cells[] {
  const places = lossy.map((name) => columns.findIndex((column) => column.name === name))
  return rows.map((row, index) => [...row, String(index), ...places.map((place) => row[place] ?? null)])
}
