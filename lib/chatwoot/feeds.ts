import { readFileSync } from 'node:fs'

import { sql, type RawBuilder } from 'kysely'

import { formatMicros, type Micros } from '../domain/horizon.js'
import { notBeside } from '../domain/package-file.js'
import { answerReads, qualify, type ChatwootTables } from './catalog.js'

type Fingerprints = Readonly<Record<string, string>>

/** A fingerprint of each agent, team, inbox, account, campaign, bot and policy, by table and id; states of the first release lack the last three. */
export interface SmallTables {
  readonly users: Fingerprints
  readonly teams: Fingerprints
  readonly inboxes: Fingerprints
  readonly accounts: Fingerprints
  readonly campaigns?: Fingerprints
  readonly agentBots?: Fingerprints
  readonly slaPolicies?: Fingerprints
}

/** One row of db/chatwoot/small-tables.sql. */
export interface SmallTableRow {
  readonly table_name: string
  readonly id: string | null
  readonly fingerprint: string | null
  readonly time_zone: string | null
}

/** What the conversation rows show of the small tables. */
export interface ShownCells {
  readonly isLoaded: (column: string) => boolean
  /** What is returned in place of a cell of a column of the conversation row. (Default: the cell.) */
  readonly replace?: ((column: string, cell: RawBuilder<unknown>) => RawBuilder<unknown>) | undefined
}

/** By the columns of the conversation row in which they are shown. */
const cellsOf = {
  users: {
    assignee_name: sql`name`,
    assignee_email: sql`email`,
    assignee_display_name: sql`display_name`,
    agents: sql`name`,
    csat_assigned_agent_name: sql`name`,
  },
  teams: { team_name: sql`name` },
  inboxes: {
    inbox_name: sql`inbox.name`,
    inbox_channel_type: sql`inbox.channel_type`,
    inbox_timezone: sql`inbox.timezone`,
    inbox_has_bot: sql`inbox.has_bot`,
  },
  accounts: { account_name: sql`name` },
  campaigns: { campaign_title: sql`title` },
  bots: { bot_name: sql`name` },
  policies: { sla_policy_name: sql`name` },
}

const everything: ShownCells = { isLoaded: () => true }

/** Every agent, team, inbox, account, campaign, bot and policy, and in a row of its own the estimated number of messages. */
export function smallTables(
  tables: ChatwootTables = new Map(),
  { isLoaded, replace = (_, cell) => cell }: ShownCells = everything,
): RawBuilder<SmallTableRow> {
  const values = Object.entries(cellsOf).map(([table, cells]) => {
    const shown = Object.entries(cells).filter(([column]) => isLoaded(column))
    const list = shown.map(([column, cell]) => replace(column, cell))
    return [table, list.length > 0 ? sql.join(list) : sql`null`] as const
  })
  return sqlFile('small-tables.sql', Object.fromEntries(values), tables)
}

export function toSmallTables(rows: readonly SmallTableRow[]): SmallTables {
  const of = (table: string): Fingerprints =>
    Object.fromEntries(
      rows.flatMap(({ table_name: name, id, fingerprint }) =>
        name === table ? [[id ?? '', fingerprint ?? '']] : [],
      ),
    )
  return {
    ...{ users: of('users'), teams: of('teams'), inboxes: of('inboxes'), accounts: of('accounts') },
    ...{ campaigns: of('campaigns'), agentBots: of('agentBots'), slaPolicies: of('slaPolicies') },
  }
}

/** The time zones of inboxes and accounts. */
export function timeZonesOf(rows: readonly SmallTableRow[]): string[] {
  return [...new Set(rows.flatMap(({ time_zone: zone }) => zone ?? []))].filter((zone) => zone !== '')
}

/** How many messages there are, as the planner estimates. */
export function messagesOf(rows: readonly SmallTableRow[]): number {
  return Number(rows.find(({ table_name: name }) => name === 'messages')?.fingerprint ?? Infinity)
}

/** Which edited messages a run looks for. */
export interface EditBounds {
  /** Only among messages created since then; null for all, which `editFeed` reads. */
  readonly among: Micros | null
  readonly since: Micros
}

export interface FeedBounds {
  readonly tables: ChatwootTables
  /** The rows name all agents who wrote, and not only the one to whom the conversation is assigned. */
  readonly showsAgents: boolean
  readonly low: Micros
  readonly edits: EditBounds
  readonly before: SmallTables
  readonly now: SmallTables
}

/**
 * Ids of the conversations of which a part changed since the bound, as far as every run reads it, in no order; some of them may have been
 * deleted meanwhile. What the other feeds show is in scanned-feeds.ts. Which change shows through which column, and which through none, is explained in the SQL and in docs/data.md.
 */
export function changedConversations({
  tables,
  showsAgents,
  low,
  edits,
  before,
  now,
}: FeedBounds): RawBuilder<{ readonly id: string | null }> {
  const users = changedIds(before.users, now.users)
  const values = {
    low: formatMicros(low),
    edited_among: edits.among === null ? 'infinity' : formatMicros(edits.among),
    edited_since: formatMicros(edits.since),
    users: arrayOf(users),
    senders: arrayOf(showsAgents ? users : []),
    teams: arrayOf(changedIds(before.teams, now.teams)),
    inboxes: arrayOf(changedIds(before.inboxes, now.inboxes)),
    accounts: arrayOf(changedIds(before.accounts, now.accounts)),
    campaigns: arrayOf(changedIds(before.campaigns, now.campaigns)),
    bots: arrayOf(changedIds(before.agentBots, now.agentBots)),
    policies: arrayOf(changedIds(before.slaPolicies, now.slaPolicies)),
  }
  return sqlFile('changed-conversations.sql', values, tables)
}

/** New, changed and deleted ones. */
function changedIds(before: Fingerprints = {}, now: Fingerprints = {}): string[] {
  const ids = new Set([...Object.keys(before), ...Object.keys(now)])
  return [...ids].filter((id) => before[id] !== now[id])
}

/** Up to this number a scan of all messages costs less than the rest of a run. */
const fewMessages = 250_000

/** When all messages were last scanned for edits, and what was left out since. */
export interface EditState {
  /** Source time of the last scan of all messages. */
  readonly lookedAt: Micros
  /** The earliest bound of the runs since then; null when there was none. */
  readonly since: Micros | null
  /** Milliseconds that it took the source; states of earlier releases lack it. */
  readonly took?: number | undefined
}

export interface EditPlan {
  readonly bounds: EditBounds
  /** What the next run starts from. */
  readonly next: EditState
}

/** The run for which it is decided. */
export interface EditRun {
  readonly at: Micros
  readonly low: Micros
  /** Number of messages, estimated. */
  readonly messages: number
  /** An index leads to edits, or the run was asked for all of them. */
  readonly readsAll: boolean
}

/**
 * Which edited messages to look for. A change that became visible since the last scan of all messages has a stamp at or after the
 * bound of one of the runs since, so the earliest of these bounds misses none. `editWindow` and `editScanEvery` are milliseconds.
 */
export function planEdits(
  last: EditState | undefined,
  run: EditRun,
  { editWindow, editScanEvery }: { readonly editWindow: number; readonly editScanEvery: number },
): EditPlan {
  const { at, low, messages, readsAll } = run
  const since = Math.min(last?.since ?? low, low)
  const isDue = readsAll || !last || messages <= fewMessages || at - last.lookedAt >= editScanEvery * 1000
  if (isDue) return { bounds: { among: null, since }, next: { ...last, lookedAt: at, since: null } }
  return { bounds: { among: low - editWindow * 1000, since: low }, next: { ...last, since } }
}

/** An array as one text, which every driver sends in the same form. */
export function arrayOf(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}

/**
 * A statement of db/chatwoot with a value or an expression for each `:name` in it. Values go as parameters; the text is the same for every
 * run with the same expressions.
 */
export function sqlFile<Row>(
  file: string,
  values: Readonly<Record<string, string | null | RawBuilder<unknown>>>,
  tables: ChatwootTables = new Map(),
): RawBuilder<Row> {
  const pieces = qualify(answerReads(textOf(file), tables), tables).split(/(?<![:\w]):([a-z_]+)/)
  return sql<Row>`${sql.join(
    pieces.map((piece, index) => (index % 2 === 0 ? sql.raw(piece) : sql`${values[piece] ?? null}`)),
    sql.raw(''),
  )}`
}

/** The text of a file with those of its parts, each where `:part_name` stands for db/chatwoot/row-name.sql. */
function textOf(file: string): string {
  return (texts[file] ??= read(`../../db/chatwoot/${file}`)
    // A comment could hold a colon or a quote, and the server has no use for it.
    .replaceAll(/^\s*--.*\n/gm, '')
    .replaceAll(/:part_([a-z]+)/g, (_, part: string) => textOf(`row-${part}.sql`)))
}

function read(path: string): string {
  try {
    const here = import.meta.url
    return readFileSync(new URL(path, here), 'utf8')
  } catch (cause) {
    throw notBeside(path, cause)
  }
}

const texts: Record<string, string> = {}
