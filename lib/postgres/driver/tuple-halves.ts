import { findTuples, readKey, type KeyType, type Tuples } from './copy-tuples.js'

/** Rows of a binary COPY without what only the reading needs to know. */
export type TuplePieces = Pick<Tuples, 'pieces' | 'count'>

/** Both halves of the rows, more than one, without copying any. */
export function halveTuples({ pieces, count }: TuplePieces): readonly [TuplePieces, TuplePieces] {
  const first: Buffer[] = []
  const second: Buffer[] = []
  const wanted = count >> 1
  let found = 0
  for (const piece of pieces) {
    if (found >= wanted) {
      second.push(piece)
      continue
    }
    const { ends } = findTuples(piece, 0)
    const cut = wanted - found >= ends.length ? piece.length : (ends[wanted - found - 1] ?? 0)
    found += ends.length
    first.push(piece.subarray(0, cut))
    if (cut < piece.length) second.push(piece.subarray(cut))
  }
  return [
    { pieces: first, count: wanted },
    { pieces: second, count: count - wanted },
  ]
}

/** The key of the first row as text; `keyAt` is its place among the columns. */
export function firstKey({ pieces }: TuplePieces, keyAt: number, keyType: KeyType): string {
  const [data] = pieces
  if (!data) throw new TypeError('There is no row.')
  const [key = 0] = findTuples(data, keyAt).keys
  return readKey(data, key, keyType)
}
