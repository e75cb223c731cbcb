import { readFileSync } from 'node:fs'

import { sql, type RawBuilder } from 'kysely'

import { formatMicros, type Micros } from '../domain/horizon.js'
import { notBeside } from '../domain/package-file.js'
import type { EditBounds, EditScan } from '../domain/scan-budget.js'
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
 * deleted meanwhile. What the others show, `changedSinceIn` and `changedContacts` say. Which change shows through which column, and which
 * through none, is explained in the SQL and in docs/data.md.
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
    edited_since: formatMicros(low),
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

/** A feed whose column has no index in Chatwoot, unless the owner of the database has created one. */
export interface ScannedFeed {
  /** As states, checks and messages name it. */
  readonly name: string
  readonly table: string
  readonly column: string
  /** In db/chatwoot. */
  readonly file: string
}

const feed = (table: string, column: string, file: string): ScannedFeed => ({
  ...{ name: `${table}.${column}`, table, column },
  file: `scan-${file}.sql`,
})

/** Its rows have more than an id, see `touchedConversations`. The stamps are those of the rows that are loaded. */
export const conversationFeed = feed('conversations', 'updated_at', 'conversations')

/** Contacts, and the companies that they show; its rows are not ids, see `changedContacts`. */
export const contactFeed = { ...feed('contacts', 'updated_at', ''), file: 'changed-contacts.sql' }

/** Those that the budget of lib/domain/scan-budget.ts is about. */
export const scannedFeeds: readonly ScannedFeed[] = [
  conversationFeed,
  feed('csat_survey_responses', 'updated_at', 'surveys'),
  contactFeed,
  feed('applied_slas', 'updated_at', 'policies'),
  feed('sla_events', 'created_at', 'breaches'),
  feed('conversation_participants', 'created_at', 'participants'),
]

/** Edits of messages of any age, with a timetable of their own; see `planEdits`. */
export const editFeed = feed('messages', 'updated_at', 'messages')

/** Ids of the conversations that the feed shows from a stamp on, in no order; some of them may have been deleted meanwhile. */
export function changedSinceIn(
  { file }: Pick<ScannedFeed, 'file'>,
  since: Micros,
  tables: ChatwootTables,
): RawBuilder<{ readonly id: string | null }> {
  return sqlFile(file, { since: formatMicros(since) }, tables)
}

/** Ids of the conversations with an edited message, in no order; without a bound on their creation, of messages of any age. */
export function editedMessages(
  { since, before }: EditScan,
  tables: ChatwootTables,
): RawBuilder<{ readonly id: string | null }> {
  const values = { since: formatMicros(since), before: before === null ? 'infinity' : formatMicros(before) }
  return sqlFile(editFeed.file, values, tables)
}

/** A conversation whose stamp moved, with the fingerprint of what this feed alone shows of it; null where nothing is compared. */
export interface TouchedConversation {
  readonly id: string
  readonly print: string | null
}

/** The conversations whose stamp is at or after the bound, in no order. The fingerprint is over `r`, which has the `ownColumns`. */
export function touchedConversations(
  since: Micros,
  tables: ChatwootTables,
  print: RawBuilder<unknown> = sql`null`,
): RawBuilder<TouchedConversation> {
  return sqlFile(conversationFeed.file, { since: formatMicros(since), print }, tables)
}

/** A contact that changed, and the ids of the conversations that show it, as the texts of arrays; null for none. */
export interface ChangedContact {
  readonly contact_id: string
  /** Of what a conversation shows of its contact; null where nothing is compared. */
  readonly contact_print: string | null
  /** Of what a conversation shows of the contact who wrote first. */
  readonly client_print: string | null
  /** Conversations of the contact. */
  readonly own_ids: string | null
  /** Other conversations in which the contact wrote. */
  readonly other_ids: string | null
  /** Those of them that do not exist any more. */
  readonly lost_ids: string | null
}

/** Fingerprints over `r`, a row of db/chatwoot/row-contact.sql: of what a conversation shows of its contact, and of the one who wrote first. */
export interface ContactPrints {
  readonly contact: RawBuilder<unknown>
  readonly client: RawBuilder<unknown>
}

/** The contacts that changed since the bound, or whose company did, in no order. */
export function changedContacts(
  { tables, since }: { readonly tables: ChatwootTables; readonly since: Micros },
  prints: ContactPrints = { contact: sql`null`, client: sql`null` },
): RawBuilder<ChangedContact> {
  const values = { since: formatMicros(since), contact_print: prints.contact, client_print: prints.client }
  return sqlFile('changed-contacts.sql', values, tables)
}

/**
 * What `empty_texts` says of a contact: over `r`, and over a row `t` of the target. In the part about the contact of a conversation, and in
 * the one about the contact who wrote first.
 */
export const emptyTexts = {
  contact: {
    loaded: sql`r.empty_texts::text`,
    stored: sql`coalesce(array_remove(array_remove(t.empty_texts::text[], 'assignee_email'), 'client_phone'), '{}')::text`,
  },
  client: {
    loaded: sql`('contact_phone' = any(r.empty_texts))::text`,
    stored: sql`coalesce('client_phone' = any(t.empty_texts::text[]), false)::text`,
  },
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
