import { setTimeout as wait } from 'node:timers/promises'

import { syncConversations, type LoadType, type SyncOptions, type SyncReport } from '../../lib/index.js'
import type { Arena } from './arena.js'
import { contents, keysLost } from './subject.js'
import type { Victim } from './victim-process.js'
import { openWire, type Moment, type Wire } from './wire.js'

/** A named step of a run: on which connection it is seen, and by what. */
export interface Step {
  readonly name: string
  readonly side: 'source' | 'target'
  readonly moment: Omit<Moment, 'when'>
}

export const steps: readonly Step[] = [
  { name: 'lock', side: 'target', moment: { request: /pg_try_advisory_lock/ } },
  { name: 'running row', side: 'target', moment: { request: /insert into \S*"etl_control"/ } },
  { name: 'probe', side: 'source', moment: { request: /pg_locks/ } },
  { name: 'snapshot', side: 'source', moment: { request: /begin isolation level repeatable read/ } },
  // Read by COPY or through a cursor, whose batches are not followed by a Z.
  { name: 'first batch', side: 'source', moment: { request: /^[PQ] .*first_message_text/, answer: 'sdC' } },
  { name: 'staging', side: 'target', moment: { request: /copy "chatwoot_sync_stage"/ } },
  { name: 'upsert', side: 'target', moment: { request: /insert into "public"."conversas_analytics"/ } },
  { name: 'state', side: 'target', moment: { request: /update \S*"etl_control" set "load_type"/ } },
  { name: 'commit', side: 'target', moment: { request: /^[PQ] commit/ } },
  { name: 'close', side: 'target', moment: { request: /^X/ } },
]

export interface Strike {
  readonly side: Step['side']
  readonly moment: Moment
  readonly signal: 'SIGKILL' | 'SIGSTOP'
}

/** In place of staging and upsert, where every row is new. */
export const append: Step = {
  name: 'append',
  side: 'target',
  moment: { request: /copy "public"."conversas_analytics"/ },
}

/** Where one of several connections records how far it came with its range. */
export const range: Step = {
  name: 'range',
  side: 'target',
  moment: { request: /update \S*"etl_control" set "rows_extracted"/ },
}

/** Runs the victim through wires until it is struck, or ends; the wires stay until they are disposed of. */
export async function strikeAt(
  { readerUrl, targetUrl }: Arena,
  victim: Victim,
  { side, moment, signal }: Strike,
  options: Partial<SyncOptions> = {},
): Promise<AsyncDisposable & { struck(): boolean }> {
  const cuts = signal === 'SIGKILL'
  const armed = { moment, cuts, strike: () => victim.signal(signal) }
  const source = await openWire(readerUrl, side === 'source' ? armed : {})
  const target = await openWire(targetUrl, side === 'target' ? armed : {})
  await victim.run({ source: source.url, target: target.url, ...options })
  return {
    struck: () => source.struck() || target.struck(),
    [Symbol.asyncDispose]: () => closeAll(source, target),
  }
}

async function closeAll(...wires: readonly Wire[]): Promise<void> {
  await Promise.all(wires.map((wire) => wire[Symbol.asyncDispose]()))
}

/** Until the target's server has noticed that a run is gone; it may still be running its last statement. */
export async function untilGone({ target }: Arena): Promise<void> {
  for (;;) {
    const { rowCount } = await target.query(
      `select from pg_stat_activity where datname = current_database() and application_name = 'chatwoot-sync'`,
    )
    if (rowCount === 0) return
    await wait(5)
  }
}

/** Changes a seventh of the conversations, adds one and a message to another. */
export async function changeSource({ source }: Arena, turn: number): Promise<void> {
  await source.query(
    `update conversations
     set status = (status + 1) % 3, updated_at = clock_timestamp() at time zone 'UTC'
     where id % 7 = $1::integer % 7`,
    [turn],
  )
  await source.query(`
    insert into conversations (account_id, inbox_id, contact_id, status, created_at, updated_at, last_activity_at)
    select account_id, inbox_id, contact_id, 0, stamp, stamp, stamp
    from conversations, (select clock_timestamp() at time zone 'UTC' as stamp) clock
    order by id
    limit 1`)
  await source.query(
    `insert into messages (account_id, inbox_id, conversation_id, message_type, private, content_type, content, created_at, updated_at)
     select account_id, inbox_id, id, 1, false, 0, 'turn ' || $1::text, stamp, stamp
     from conversations, (select clock_timestamp() at time zone 'UTC' as stamp) clock
     where id >= $1::integer % 80
     order by id
     limit 1`,
    [turn],
  )
}

/** The control table after some run was killed and the next one has ended. */
export interface Aftermath {
  readonly next: SyncReport
  /** Conversations that are not in the target as in the source. */
  readonly lost: readonly string[]
  readonly rowsOfControl: number
  readonly running: number
  /** Rows that all runs say they have inserted, less those that are there. */
  readonly insertedTooMany: number
  /** Runs that keep a state; the next run needs one. */
  readonly states: number
}

/** The run after the kill, and what it leaves. */
export async function recover(
  arena: Arena,
  loadType: LoadType = 'incremental',
  options: Partial<SyncOptions> = {},
): Promise<Aftermath> {
  await untilGone(arena)
  const { source, target, subject, readerUrl, targetUrl } = arena
  const next = await syncConversations({ source: readerUrl, target: targetUrl, loadType, ...options })
  const truth = await contents(source, subject, subject.relation)
  const found = await contents(target, subject, `${subject.table} where deleted_at is null`)
  const { rows } = await target.query<Omit<Aftermath, 'next' | 'lost'>>(
    `select
       count(*)::integer as "rowsOfControl",
       (count(*) filter (where status = 'running'))::integer as running,
       (sum(rows_inserted) - (select count(*) from ${subject.table}))::integer as "insertedTooMany",
       count(state)::integer as states
     from etl_control`,
  )
  const [facts] = rows
  if (!facts) throw new Error('An aggregate without a row.')
  return { next, lost: [...keysLost(truth, found), ...keysLost(found, truth)], ...facts }
}
