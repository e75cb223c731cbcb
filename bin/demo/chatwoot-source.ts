import type pg from 'pg'

import { SyncError } from '../../lib/domain/errors.js'
import { runDemoScripts, withDemoSession } from './chatwoot-session.js'

export { liveADay, type Day, type DayOptions } from './chatwoot-day.js'
export { grantReader, type Reader } from './chatwoot-reader.js'

export interface ChatwootSourceOptions {
  /** Number of conversations, from 0 to 5,000,000; after every forty an id is skipped, as deleted ones leave gaps. */
  readonly conversations: number
  /** The average, from 0 to 1,000; single conversations have none or three times as many. (Default: 10.) */
  readonly messagesPerConversation?: number
  /** The same seed and `now` give the same rows on every server. (Default: 1.) */
  readonly seed?: number
  /** The latest timestamp, in ISO 8601, UTC without an offset; the conversations fill the 540 days before it. (Default: the server's clock.) */
  readonly now?: string
}

/**
 * Fills an empty database with those tables of Chatwoot 4.14 that a sync reads: real names, types, nullability, indexes and display_id
 * triggers, no foreign keys, and contents that are realistic and, in places, hostile: orphans, unknown enum values, ties, every kind of text.
 *
 * For PostgreSQL 13 and later, as a role that may create tables in the schema public. It is one transaction, with an analyze at its end.
 * Throws CONFIG_INVALID for an option out of range or a database that already holds conversations; else the driver's own error.
 *
 * @example await createChatwootSource(cluster.url('chatwoot'), { conversations: 482 })
 */
export async function createChatwootSource(
  url: string,
  { conversations, messagesPerConversation = 10, seed = 1, now }: ChatwootSourceOptions,
): Promise<void> {
  requireInteger('conversations', conversations, 0, 5_000_000)
  requireInteger('messagesPerConversation', messagesPerConversation, 0, 1000)
  requireInteger('seed', seed, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  requireTime(now)
  const settings = {
    'demo.conversations': conversations,
    'demo.messages': messagesPerConversation,
    'demo.seed': seed,
  }
  await withDemoSession(url, settings, async (client) => {
    await client.query('begin')
    await requireEmpty(client)
    await anchor(client, now)
    await runDemoScripts(client, scripts)
    await client.query('analyze')
    await client.query('commit')
  })
}

/** Indexes after rows, which is far faster. */
const scripts = [
  'tables-accounts',
  'tables-conversations',
  'tables-others',
  'dice',
  'dialogs',
  'generate-accounts',
  'generate-contacts',
  'generate-conversations',
  'generate-messages',
  'generate-events',
  'generate-others',
  'generate-oddities',
  'indexes',
] as const

function requireInteger(option: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new SyncError('CONFIG_INVALID', `${option} is ${value}.`, {
    remedy: `Use an integer from ${least} to ${most}.`,
  })
}

function requireTime(now: string | undefined): void {
  if (
    now === undefined ||
    /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)?$/.test(now)
  )
    return
  throw new SyncError('CONFIG_INVALID', `now is ${JSON.stringify(now)}.`, {
    remedy: 'Use a time such as 2026-11-24T12:00:00Z.',
  })
}

async function requireEmpty(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query(
    `select where to_regclass('conversations') is not null or to_regclass('accounts') is not null`,
  )
  if (!rowCount) return
  throw new SyncError(
    'CONFIG_INVALID',
    `The database ${client.database ?? ''} already has a table conversations or accounts; nothing was changed.`,
    { remedy: 'Use an empty database.' },
  )
}

async function anchor(client: pg.Client, now: string | undefined): Promise<void> {
  await client.query(
    `select set_config('demo.now', (coalesce($1::timestamptz, clock_timestamp()) at time zone 'UTC')::text, false)`,
    [now],
  )
}
