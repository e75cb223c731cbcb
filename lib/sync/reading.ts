import type { RawBuilder } from 'kysely'

import { allConversations, someConversations, type RowOptions } from '../chatwoot/conversation-row.js'
import { allRows, changedRows } from '../postgres/custom-relation.js'
import { compile } from '../postgres/statement.js'
import type { Micros } from '../domain/micros.js'
import { readBatches, type Batch } from './batches.js'
import type { Run } from './run.js'

/** Every row behind the key from which the run goes on. */
export function readAll(run: Run): AsyncGenerator<Batch> {
  const { plan, after } = run
  return read(
    run,
    plan.custom ? allRows(plan.custom, after) : allConversations(namesOf(run), after, rowOptions(run)),
  )
}

/** The conversations with these ids, as far as they are there. */
export function readConversations(run: Run, ids: readonly string[]): AsyncGenerator<Batch> {
  return read(run, someConversations(namesOf(run), ids, rowOptions(run)))
}

/** The rows of a relation of the caller's own that changed since the bound. */
export function readChangedRows(run: Run, low: Micros): AsyncGenerator<Batch> {
  const { custom } = run.plan
  if (!custom) throw new TypeError('The built-in relation is read by ids.')
  return read(run, changedRows(custom, low))
}

function read({ source, plan, options, tally }: Run, query: RawBuilder<unknown>): AsyncGenerator<Batch> {
  const { columns, key } = plan.load
  const keyAt = columns.findIndex(({ name }) => name === key)
  const { batchSize: maxRows, batchBytes: maxBytes } = options
  const onRead = (milliseconds: number) => {
    tally.phases.extract += milliseconds
  }
  return readBatches(source, compile(query), { columns: columns.length, keyAt, maxRows, maxBytes, onRead })
}

function rowOptions({ options, state }: Run): RowOptions {
  const known = Object.entries(state.timeZones).flatMap(([name, isKnown]) => (isKnown ? [name] : []))
  const { timeZone, accounts, inboxes } = options
  return { timeZone, accounts, inboxes, knownTimeZones: known }
}

const namesOf = ({ plan }: Run) => plan.load.columns.map(({ name }) => name)
