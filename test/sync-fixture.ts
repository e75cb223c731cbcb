import { sql } from 'kysely'
import pg from 'pg'
import { expect, vi } from 'vitest'

import { rowColumns } from '../lib/chatwoot/columns.js'
import { template } from '../lib/chatwoot/template.js'
import type { LogFields } from '../lib/domain/logger.js'
import type { SyncReport } from '../lib/domain/report.js'
import type { SyncOptions } from '../lib/options.js'
import { compile } from '../lib/postgres/driver/statement.js'
import { syncConversations } from '../lib/sync.js'
import { expectNothingPlanted } from './setup/planted.js'
import { cloneDatabase, type TestDatabase } from './setup/database.js'

/** A source with the demo's conversations, a migrated target, and runs between them. */
export interface SyncFixture extends AsyncDisposable {
  readonly source: TestDatabase
  readonly target: TestDatabase
  /** A run from the one to the other, of which is checked what holds of every run. It fails at the first failure unless told otherwise. */
  sync(options?: Partial<SyncOptions>): Promise<SyncReport>
}

/** As `openSync`, with nothing at all in the source. */
export const openEmptySync = (): Promise<SyncFixture> => openSync('template0')

export async function openSync(template?: string): Promise<SyncFixture> {
  const [source, target] = await Promise.all([cloneDatabase('source', template), cloneDatabase('target')])
  await untilNobodyHoldsBack(source)
  const lines: string[] = []
  const note = (message: string, fields?: LogFields) =>
    void lines.push(JSON.stringify({ message, ...fields }))
  const logger = { debug: note, info: note, warn: note, error: note }
  return {
    source,
    target,
    sync: async (options) => {
      const report = await syncConversations({
        source: source.url,
        target: target.url,
        logger,
        retryBudget: 0,
        ...options,
      })
      expectCounts(report)
      return report
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([source[Symbol.asyncDispose](), target[Symbol.asyncDispose]()])
      expectNothingPlanted(lines.join('\n'), 'The log of a run')
    },
  }
}

/** A snapshot shows the transactions of other tests' databases too; for one that stays open a first run would wait for three seconds only. */
async function untilNobodyHoldsBack(source: TestDatabase): Promise<void> {
  const holders = `
    select pid
    from pg_stat_activity
    where backend_xid is not null
      and datname <> current_database()
      and xact_start < clock_timestamp() - interval '1 second'`
  await vi.waitFor(async () => expect(await source.query(holders)).toEqual([]), 30_000)
}

/** As `openSync`, with nothing in the source but account, inbox, contact, agent and team 1. */
export async function openSmallSync(): Promise<SyncFixture> {
  const fixture = await openSync()
  const { source } = fixture
  await source.query(`truncate accounts, users, teams, inboxes, contacts, conversations, messages, csat_survey_responses,
    tags, taggings restart identity`)
  const stamps = { created_at: '2026-01-01', updated_at: '2026-01-01' }
  await insert(source, 'accounts', { id: 1, name: 'Loja', ...stamps })
  await insert(source, 'users', { id: 1, name: 'Ana', email: 'ana@example.com', ...stamps })
  await insert(source, 'teams', { id: 1, name: 'vendas', account_id: 1, ...stamps })
  await insert(source, 'inboxes', {
    id: 1,
    name: 'Site',
    account_id: 1,
    channel_id: 1,
    channel_type: 'Channel::Api',
    ...stamps,
  })
  await insert(source, 'contacts', { id: 1, name: 'Zé', account_id: 1, ...stamps })
  return fixture
}

type Fields = Readonly<Record<string, unknown>>

/** Inserts a row, values as JSON writes them; gives its id. */
export async function insert(database: TestDatabase, table: string, row: Fields): Promise<number> {
  const columns = Object.keys(row).join(', ')
  const [inserted] = await database.query<{ id: number }>(
    `insert into ${table} (${columns})
     select ${columns} from jsonb_populate_record(null::${table}, $1::jsonb)
     returning id::integer`,
    [JSON.stringify(row)],
  )
  return inserted?.id ?? 0
}

/** A conversation of account, inbox and contact 1, opened on a Monday. */
export async function insertConversation(source: TestDatabase, row: Fields = {}): Promise<number> {
  const at = '2026-01-05 15:00:00.123456'
  const given = { account_id: 1, inbox_id: 1, contact_id: 1, status: 0 }
  return insert(source, 'conversations', {
    ...given,
    created_at: at,
    updated_at: at,
    last_activity_at: at,
    ...row,
  })
}

/** A public text of contact 1. */
export async function insertMessage(source: TestDatabase, conversation: number, row: Fields = {}) {
  const at = '2026-01-05 15:01:00'
  const given = { account_id: 1, inbox_id: 1, conversation_id: conversation, message_type: 0, private: false }
  const sent = { sender_type: 'Contact', sender_id: 1, content: 'Oi', created_at: at, updated_at: at }
  return insert(source, 'messages', { ...given, content_type: 0, ...sent, ...row })
}

/** What a full run makes of a conversation. */
export async function storedRow(at: SyncFixture, id: number, options: Partial<SyncOptions> = {}) {
  await at.sync({ loadType: 'full', ...options })
  const columns = rowColumns.join(', ')
  const [row] = await at.target.query(
    `select ${columns} from conversas_analytics where conversation_id = $1`,
    [id],
  )
  return row
}

/** Cells in which live rows of the target differ from what the source gives, as `conversation column: source | target`. */
export async function differences(
  { source, target }: SyncFixture,
  { timeZone, knownTimeZones = zones }: { timeZone?: string; knownTimeZones?: string } = {},
): Promise<string[]> {
  const row = template('conversation-row.sql', {
    time_zone: timeZone ?? null,
    known_time_zones: knownTimeZones,
  })
  const columns = rowColumns.join(', ')
  const query = compile(sql`select ${sql.raw(columns)} from (${row}) r order by conversation_id`)
  const stored = `select ${columns} from conversas_analytics where deleted_at is null`
  const [expected, found] = await Promise.all([
    readTexts(source, query.sql, query.parameters),
    readTexts(target, stored),
  ])
  const rows = new Map(found.map((cells) => [cells[0], cells]))
  const wrong = expected.flatMap((cells) => {
    const id = cells[0] ?? ''
    const stored = rows.get(id)
    rows.delete(id)
    if (!stored) return [`${id} is missing`]
    return cells.flatMap((cell, at) =>
      cell === stored[at] ? [] : [`${id} ${rowColumns[at] ?? ''}: ${cell} | ${stored[at]}`],
    )
  })
  return [...wrong, ...[...rows.keys()].map((id) => `${id ?? ''} is too much`)]
}

/** Zones of the demo's inboxes that a server knows; `Brasilia` is none of them. */
const zones = '{America/Manaus,America/New_York,America/Sao_Paulo,Asia/Kolkata,UTC}'

/** The server's texts, whatever the settings of server and driver are. */
export async function readTexts({ url }: TestDatabase, text: string, values: readonly unknown[] = []) {
  const options = '-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=postgres -c extra_float_digits=1'
  const client = new pg.Client({ connectionString: url, options })
  await client.connect()
  try {
    const types = { getTypeParser: () => String }
    const query = { text, values: [...values], rowMode: 'array' as const, types }
    return (await client.query<(string | null)[]>(query)).rows
  } finally {
    await client.end()
  }
}

/** Every stored byte of the target and which transaction wrote it. */
export async function fullContent(target: TestDatabase): Promise<readonly unknown[]> {
  return [
    await target.query('select xmin::text, c::text from conversas_analytics c order by conversation_id'),
    await target.query('select xmin::text, c::text from etl_control c order by execution_id'),
  ]
}

/** Which transaction wrote each row of the target. */
export async function writersOf(target: TestDatabase): Promise<readonly unknown[]> {
  return target.query('select conversation_id, xmin::text from conversas_analytics order by conversation_id')
}

function expectCounts(report: SyncReport): void {
  const { rowsExtracted, rowsInserted, rowsUpdated, rowsUnchanged, rowsRejected } = report
  expect(rowsExtracted).toBe(rowsInserted + rowsUpdated + rowsUnchanged + rowsRejected)
}
