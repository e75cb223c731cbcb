import { SyncError } from '../../domain/errors.js'
import { cutBatches, type BinaryBatch, type KeyType } from '../../postgres/driver/binary-copy.js'
import type { Session } from '../../postgres/driver/session.js'
import { keyIsNull, keyNotUnique, type BatchLimits, type Extractor } from './batches.js'

/**
 * Reads by a binary COPY, for a bulk load: no value but the key is decoded, and memory holds no more than the bytes of two batches, however
 * large the rows. Only for columns that have the same binary form on both servers. It misses no row of its snapshot: a stream that
 * ends before its trailer throws READ_INCOMPLETE. It is one statement, so the statement timeout bounds the whole read.
 */
export function copyExtractor(
  source: Pick<Session, 'copy'>,
  { keyAt, keyType }: { readonly keyAt: number; readonly keyType: KeyType },
  { onRead, ...limits }: BatchLimits,
): Extractor<BinaryBatch> {
  return {
    extract: (query) => {
      // Asked for each time, as a session that reconnects has another one.
      const { copy } = source
      if (!copy) throw new TypeError('The connection of the source offers no COPY.')
      return cutBatches(timed(copy.out(query), onRead), { keyAt, keyType, ...limits, ...errors })
    },
  }
}

const errors = {
  onKeyNull: (): never => {
    throw keyIsNull()
  },
  onConflict: (key: string): never => {
    throw keyNotUnique(key)
  },
  onCutShort: (): never => {
    throw readCutShort()
  },
}

async function* timed<T>(pieces: AsyncIterable<T>, onRead: BatchLimits['onRead']): AsyncGenerator<T> {
  let asked = performance.now()
  for await (const piece of pieces) {
    onRead(performance.now() - asked)
    yield piece
    asked = performance.now()
  }
}

function readCutShort(): SyncError {
  return new SyncError(
    'READ_INCOMPLETE',
    'The source reported that all rows were sent, and the last of them is cut off.',
    { remedy: 'Run it again; check what is between this host and the source.' },
  )
}
