/** What a piece of the wire holds while a COPY comes. */
export interface Unwrapped {
  /** The rows in it, without the heads of the messages that bring them. */
  readonly rows: Buffer
  /** Whole or begun messages of other kinds, for the parser of the driver. */
  readonly others: Buffer
}

/** Bytes before the body of a message: its type, and its length with itself in four. */
const headSize = 5

const typeOf = (letter: string) => letter.charCodeAt(0)
const data = typeOf('d')
/** What may come between two messages of rows; anything else ends the COPY. */
const between: ReadonlySet<number> = new Set(['H', 'S', 'N', 'A'].map(typeOf))

/**
 * Takes the rows out of the messages of a COPY: each row is one message, and the driver would put them together in new memory twice. They are
 * moved together where they lie, in the memory that the socket has filled and that nobody else uses.
 */
export function unwrapCopyData(): (piece: Buffer) => Unwrapped {
  const head = Buffer.alloc(headSize)
  let known = 0
  let body = 0
  let isData = false
  let hasEnded = false

  return (piece) => {
    const others: Buffer[] = []
    let at = 0
    let to = 0
    while (at < piece.length && !hasEnded) {
      if (body > 0) {
        const length = Math.min(body, piece.length - at)
        if (isData) {
          if (to !== at) piece.copyWithin(to, at, at + length)
          to += length
        } else others.push(Buffer.from(piece.subarray(at, at + length)))
        body -= length
        at += length
        continue
      }
      const copied = piece.copy(head, known, at, at + headSize - known)
      known += copied
      at += copied
      if (known < headSize) break
      known = 0
      const type = head[0] ?? 0
      isData = type === data
      body = head.readInt32BE(1) - 4
      if (!isData) others.push(Buffer.from(head))
      hasEnded = !isData && !between.has(type)
    }
    if (hasEnded && at < piece.length) others.push(piece.subarray(at))
    return { rows: piece.subarray(0, to), others: Buffer.concat(others) }
  }
}
