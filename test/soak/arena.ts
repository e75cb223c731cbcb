import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

import pg from 'pg'

import { sqlFile } from '../../lib/chatwoot/feeds.js'
import { grantReader } from '../../bin/demo/chatwoot-source.js'
import { compile } from '../../lib/postgres/driver/statement.js'
import { conversations, items, type Subject } from './subject.js'

/** URLs of two servers that `buildTemplates` has prepared, as superusers. */
export interface Servers {
  readonly source: string
  readonly target: string
  /** A standby of the source, if the runs are to read that. */
  readonly standby?: string | undefined
}

/** A source and a target of their own, in which one scenario plays. */
export interface Arena extends AsyncDisposable {
  readonly subject: Subject
  /** As the owner of everything. */
  readonly source: pg.Pool
  readonly target: pg.Pool
  readonly sourceUrl: string
  readonly targetUrl: string
  /** As a role that has SELECT and nothing else; of the standby where there is one. */
  readonly readerUrl: string
}

const reader = { user: 'soak_reader', password: 'soak' }

/** Rows that are there before anything happens, with stamps of long ago. */
export const rowsAtFirst = 5000

export async function openArena(servers: Servers, subject: Subject): Promise<Arena> {
  const name = `soak_${randomBytes(6).toString('hex')}`
  const isChatwoot = subject === conversations
  await Promise.all([
    createDatabase(servers.source, name, isChatwoot ? 'chatwoot_template' : 'template0'),
    createDatabase(servers.target, name, 'analytics_template'),
  ])
  const [sourceUrl, targetUrl] = [urlOf(servers.source, name), urlOf(servers.target, name)]
  const [source, target] = [openPool(sourceUrl), openPool(targetUrl)]
  if (isChatwoot) await prepareChatwoot(sourceUrl, source)
  if (subject === items) await prepareItems(source, target)
  await target.query(
    'create table soak_naive (key text primary key, changed_at timestamptz not null, content text not null)',
  )
  return {
    subject,
    source,
    target,
    sourceUrl,
    targetUrl,
    readerUrl: urlOf(servers.standby ?? servers.source, name, reader),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([source.end(), target.end()])
      await Promise.all([dropDatabase(servers.source, name), dropDatabase(servers.target, name)])
    },
  }
}

/** Another database of the source's server. */
export interface Neighbour extends AsyncDisposable {
  /** As the owner of everything. */
  readonly url: string
}

/** With a table of the same name and as many rows. */
export async function openNeighbour({ source }: Servers): Promise<Neighbour> {
  const name = `soak_${randomBytes(6).toString('hex')}`
  await createDatabase(source, name, 'template0')
  const url = urlOf(source, name)
  await onServer(url, createItems)
  return { url, [Symbol.asyncDispose]: () => dropDatabase(source, name) }
}

/** Statements for a table of that many rows and its index on the stamp. */
export const createItems = `
  create table items (id integer primary key, payload text not null, updated_at timestamptz not null);
  insert into items (id, payload, updated_at)
  select id, 'first ' || id, now() - interval '30 days' + id * interval '1 second'
  from generate_series(1, ${rowsAtFirst}) id;
  create index on items (updated_at)`

/** Keeps the first conversations only: where a round reads and compares everything several times, thousands of messages would be most of it. */
export async function leaveFew({ source }: Arena, conversations: number): Promise<void> {
  await source.query(`delete from conversations where id > ${conversations}`)
  await source.query(`delete from messages where conversation_id > ${conversations}`)
  await source.query('vacuum (full, analyze) messages, conversations')
}

async function prepareItems(source: pg.Pool, target: pg.Pool): Promise<void> {
  await createReader(source)
  await source.query(`
    ${createItems};
    grant select on items to ${reader.user};
    analyze items`)
  await target.query(`
    create table soak_items (id integer primary key, payload text, updated_at timestamptz, deleted_at timestamptz)`)
}

/**
 * What writers have committed, with a time at which it surely was: a run that claims to have everything through a later time has to show it.
 * Marks of a row only grow.
 */
const createMarks = `
  create sequence soak_mark;
  create table soak_marks (kind text not null, id integer not null, mark text not null, at timestamp not null)`

async function prepareChatwoot(url: string, source: pg.Pool): Promise<void> {
  await createReader(source)
  await grantReader(url, reader)
  const { rows } = await source.query<{ zones: string }>(
    `select array(select name from pg_timezone_names)::text as zones`,
  )
  const known = { time_zone: null, known_time_zones: rows[0]?.zones ?? '{}' }
  const { sql, parameters } = compile(sqlFile('conversation-row.sql', known))
  const literal = (at: string) => pg.escapeLiteral(String(parameters[Number(at) - 1] ?? '') || '{}')
  const text = sql.replace(/\$(\d+)/g, (_, at: string) =>
    parameters[Number(at) - 1] === null ? 'null' : literal(at),
  )
  await source.query(`create view ${conversations.relation} as ${text}`)
  await source.query(createMarks)
}

/** Two arenas may open at once: who comes second finds the role. */
async function createReader(source: pg.Pool): Promise<void> {
  await source.query(`
    do $$ begin
      create role ${reader.user} login password '${reader.password}';
    exception when duplicate_object or unique_violation then null;
    end $$`)
}

/** Texts of times in UTC, and no error when the database is dropped under an idle client. */
function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 6, options: '-c timezone=UTC' })
  pool.on('error', () => undefined)
  return pool
}

function urlOf(server: string, database: string, role?: typeof reader): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  if (role) Object.assign(url, { username: role.user, password: role.password })
  return url.href
}

/** Copying a template fails while another copy of it is under way. */
async function createDatabase(server: string, name: string, from: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await onServer(server, `create database ${name} template ${from} strategy file_copy`)
      return
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && error.code === '55006') || attempt === 20) throw error
      await wait(100)
    }
  }
}

async function dropDatabase(server: string, name: string): Promise<void> {
  await onServer(server, `drop database if exists ${name} with (force)`)
}

async function onServer(server: string, statement: string): Promise<void> {
  const client = new pg.Client(server)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
