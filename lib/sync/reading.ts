import type { RawBuilder } from 'kysely'

import { copyBatches, readBatches, type Batch, type TextBatch } from '../pipeline/read/batches.js'
import type { Plan } from '../pipeline/prepare/plan.js'
import { binaryKeyType, isSameInBinary } from '../postgres/driver/column-types.js'
import { compile } from '../postgres/driver/statement.js'
import type { Run } from './run.js'

/** The rows of a query through a cursor, in batches as large as the options allow. */
export function readRows(run: Run, query: RawBuilder<unknown>): AsyncGenerator<TextBatch> {
  const { source, plan, options } = run
  const onRead = countExtract(run)
  const { maxRows, maxBytes } = limitsOf(options)
  const columns = plan.load.columns.length
  return readBatches(source, compile(query), { columns, keyAt: keyAt(plan), maxRows, maxBytes, onRead })
}

/** All rows of a query: by COPY where nothing has to look at them, else through a cursor. */
export function readInBulk(run: Run, query: RawBuilder<unknown>): AsyncGenerator<Batch> {
  const { source, target, plan, options } = run
  const keyType = binaryKeyType(plan.load)
  const { extractor, transform, keepRejected } = options
  const isPlain = extractor === 'copy' && !transform && !keepRejected && isPortable(plan)
  if (!source.copy || !target.copy || !keyType || !isPlain) return readRows(run, query)
  const { maxRows, maxBytes } = limitsOf(options)
  const onRead = countExtract(run)
  return copyBatches(source.copy, compile(query), { keyAt: keyAt(plan), keyType, maxRows, maxBytes, onRead })
}

/** A batch is no more than the rows of a second, so that reading pauses often rather than long. */
function limitsOf({ batchSize, batchBytes, maxRowsPerSecond = Infinity }: Run['options']) {
  return { maxRows: Math.min(batchSize, Math.ceil(maxRowsPerSecond)), maxBytes: batchBytes }
}

/** Adds what the source takes to the phase of extracting. */
function countExtract({ tally }: Run): (milliseconds: number) => void {
  return (milliseconds) => {
    tally.phases.extract += milliseconds
  }
}

const keyAt = ({ load }: Plan) => load.columns.findIndex(({ name }) => name === load.key)

/** Whether every column is the same in binary on both sides. The built-in query gives each in the type of the target. */
function isPortable({ load, custom }: Plan): boolean {
  return load.columns.every(({ name, type }) => {
    const from = custom ? custom.relation.columns.find((column) => column.name === name)?.type : type
    return from !== undefined && isSameInBinary(from, type)
  })
}
