import type { RawBuilder } from 'kysely'

import { readBatches, type Batch } from '../pipeline/batches.js'
import { compile } from '../postgres/statement.js'
import type { Run } from './run.js'

/** The rows of a query in batches as large as the options allow; the time that the source takes counts as extracting. */
export function readRows(
  { source, plan, options, tally }: Run,
  query: RawBuilder<unknown>,
): AsyncGenerator<Batch> {
  const { columns, key } = plan.load
  const keyAt = columns.findIndex(({ name }) => name === key)
  const { batchSize: maxRows, batchBytes: maxBytes } = options
  const onRead = (milliseconds: number) => {
    tally.phases.extract += milliseconds
  }
  return readBatches(source, compile(query), { columns: columns.length, keyAt, maxRows, maxBytes, onRead })
}
