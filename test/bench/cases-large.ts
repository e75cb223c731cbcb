import { setTimeout as wait } from 'node:timers/promises'

import type { SyncOptions } from '../../lib/index.js'
import { migrate } from '../../lib/postgres/migrate/migrate.js'
import type { Bench, Group } from './bench.js'
import { compete, requireCounts, type Strategy } from './contest.js'
import { createPair, type Database, type Pair } from './database.js'
import { createLargeSource } from './data-large.js'
import { atMost, told, within } from './findings.js'

/** Conversations, by the number of rows that everything scales with: 200,000 and two million. */
const sizeOf = { small: (rows: number) => rows * 2, large: (rows: number) => rows * 20 }

/** As a schedule runs; scans are as rare as they can be, so that none falls into a round. */
const withoutScan = { triggeredBy: 'scheduler', scanShare: 0, scanEvery: 86_400_000 } as const

/** Two million conversations with twenty million messages, beside a tenth of both. */
export const large: Group = {
  name: 'large',
  shows:
    '200 changed of 2,000,000 conversations against 200,000, and what a day of runs every five minutes reads',
  run: async (bench) => {
    const sizes = { small: sizeOf.small(bench.rows), large: sizeOf.large(bench.rows) }
    const small = await openLarge(bench, 'small')
    const big = await openLarge(bench, 'large')
    const costs = await compete(
      { small: changedRun(bench, small, sizes.small), large: changedRun(bench, big, sizes.large) },
      bench.repeat,
      bench.log,
    )
    const day = await liveADay(bench, big)
    return {
      costs: Object.values(costs),
      findings: [
        atMost(`200 changed of ${sizes.large} conversations, without a scan`, costs.large.milliseconds, 1.5, {
          of: `${sizes.small} conversations`,
          value: costs.small.milliseconds,
        }),
        within(
          'blocks of the source in a run of a day, scans included',
          day.blocks / day.runs,
          3500,
          'blocks',
        ),
        told(
          'of these, in one without a scan',
          day.blocksWithout / Math.max(day.runs - day.scans - day.editScans, 1),
          'blocks',
        ),
        told('in one with a scan', day.blocksOfScans / Math.max(day.scans, 1), 'blocks'),
        told(
          'in one with a scan of all messages',
          day.blocksOfEditScans / Math.max(day.editScans, 1),
          'blocks',
        ),
        told('scans of that day', day.scans, 'runs'),
        told('scans of all messages of that day', day.editScans, 'runs'),
        told('runs of that day', day.runs, 'runs'),
        told('their load on the source, milliseconds of its statements for the feeds', day.feeds, 'ms'),
        told('milliseconds of all its runs', day.milliseconds, 'ms'),
      ],
    }
  },
}

async function openLarge(bench: Bench, size: keyof typeof sizeOf): Promise<Pair> {
  const pair = await createPair(bench.source, bench.target, `large_${size}`)
  const conversations = sizeOf[size](bench.rows)
  let began = performance.now()
  const tell = (what: string) => {
    bench.log(`  ${what} of ${conversations}: ${((performance.now() - began) / 1000).toFixed(0)} s`)
    began = performance.now()
  }
  await createLargeSource(pair.source, conversations)
  await pair.source.query('vacuum (analyze)')
  tell('data')
  await migrate({ target: pair.target.url })
  await bench.worker.sync({ source: pair.source.url, target: pair.target.url })
  await pair.target.query('vacuum (analyze)')
  tell('first load')
  return pair
}

/** Conversations spread over all of history, each changed as an agent does it: with a message about it. */
function changedRun({ worker }: Pick<Bench, 'worker'>, pair: Pair, conversations: number): Strategy {
  const name = `ours: 200 changed of ${conversations}, without a scan`
  return {
    name,
    rows: 200,
    pair,
    prepare: () =>
      pair.source.query(
        `with changed as (
           update conversations
           set status = (status + 1) % 3, updated_at = clock_timestamp() at time zone 'UTC'
           where id in (select i * ($1::integer / 200) from generate_series(1, 200) i)
           returning id
         )
         insert into messages (content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at)
         select 'Conversation was marked resolved', 1, 1, id, 2, clock_timestamp() at time zone 'UTC', clock_timestamp() at time zone 'UTC'
         from changed`,
        [conversations],
      ),
    run: (ends) => worker.sync({ ...ends, ...withoutScan }),
    check: async (spent) => requireCounts(name, spent, { rowsExtracted: 200, rowsUpdated: 200 }),
  }
}

/** Runs of a day. */
const runsOfADay = 288

/** How much faster a day passes here: a run every second for one every five minutes. All times of the options pass as fast. */
const speed = 300

const asFast: Partial<SyncOptions> = {
  triggeredBy: 'scheduler',
  scanEvery: 21_600_000 / speed,
  scanShare: Math.min(1, 0.002 * speed),
  editScanEvery: 72_000_000 / speed,
  skewAllowance: 60_000 / speed,
}

interface Day {
  readonly runs: number
  readonly scans: number
  /** Of all messages, for edits. */
  readonly editScans: number
  readonly blocks: number
  readonly blocksWithout: number
  readonly blocksOfScans: number
  readonly blocksOfEditScans: number
  readonly feeds: number
  readonly milliseconds: number
}

/** What 1,235 conversations and 12,350 messages of a day cost, with one run after each five minutes of it. */
async function liveADay({ worker, log }: Bench, { source, target }: Pair): Promise<Day> {
  const day = {
    ...{
      runs: 0,
      scans: 0,
      editScans: 0,
      blocks: 0,
      blocksWithout: 0,
      blocksOfScans: 0,
      blocksOfEditScans: 0,
    },
    ...{ feeds: 0, milliseconds: 0 },
  }
  const ends = { source: source.url, target: target.url }
  await worker.sync({ ...ends, ...asFast, complete: true })
  let due = performance.now() + (1000 * 300) / speed
  for (; day.runs < runsOfADay; day.runs += 1) {
    await source.query(fiveMinutes)
    // As autovacuum does it in a day.
    if (day.runs % 48 === 47) await source.query('vacuum conversations, messages, contacts')
    // What was written long before the run is not read again by the next one.
    await wait(due - performance.now())
    // What has just been written is counted with the statistics before the run, and not with those after it.
    await source.query('select pg_stat_force_next_flush()')
    const before = await blocksOf(source)
    const { report, milliseconds } = await worker.sync({ ...ends, ...asFast })
    await ended(source)
    const blocks = (await blocksOf(source)) - before
    const hasScannedMessages = await hasLookedAtAllMessages(target)
    const hasScanned = report.watermarkEnd === report.watermarkIndexed
    day.blocks += blocks
    day.feeds += report.phases.feeds ?? 0
    day.milliseconds += milliseconds
    if (hasScannedMessages) {
      day.editScans += 1
      day.blocksOfEditScans += blocks
    } else if (hasScanned) {
      day.scans += 1
      day.blocksOfScans += blocks
    } else day.blocksWithout += blocks
    const kind = hasScannedMessages ? ', with a scan of all messages' : hasScanned ? ', with a scan' : ''
    if (kind || day.runs % 24 === 0)
      log(
        `  run ${day.runs}: ${blocks} blocks, ${report.rowsExtracted} rows, ${milliseconds.toFixed(0)} ms${kind}`,
      )
    due = Math.max(performance.now(), due + (1000 * 300) / speed)
  }
  return day
}

/** What a session has read is counted when it ends, which is shortly after the client has left. */
async function ended(source: Database): Promise<void> {
  const left = `select from pg_stat_activity where datname = current_database() and application_name like 'chatwoot-sync%'`
  while ((await source.query(left)).length > 0) await wait(5)
}

/** Whether the last run has left no edit of an old message out. */
async function hasLookedAtAllMessages(target: Database): Promise<boolean> {
  const [last] = await target.query<{ since: string | null }>(
    `select state #>> '{edits,since}' as since from etl_control where status = 'success' order by started_at desc limit 1`,
  )
  return last?.since === null
}

/** Four new conversations and 43 messages in twelve that are going on, as many delivery reports, and contacts that wrote. */
const fiveMinutes = `
  with
    created as (
      insert into conversations (account_id, inbox_id, created_at, updated_at, contact_id, display_id)
      select 1, (select min(id) from inboxes where account_id = 1), clock_timestamp() at time zone 'UTC', clock_timestamp() at time zone 'UTC', 1 + (random() * 100000)::integer, 0
      from generate_series(1, 4)
      returning id
    ),
    talking as materialized (
      select id, contact_id
      from conversations
      where id in (select (select max(id) from conversations) - (random() * 5000)::integer from generate_series(1, 12))
    ),
    said as (
      insert into messages (content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, sender_type, sender_id)
      select repeat(md5(random()::text), 2), 1, 1, id, n % 2, clock_timestamp() at time zone 'UTC', clock_timestamp() at time zone 'UTC',
        case n % 2 when 0 then 'Contact' end, case n % 2 when 0 then contact_id end
      from talking
      cross join generate_series(1, 3 + id % 2) n
    ),
    touched as (
      update conversations
      set updated_at = clock_timestamp() at time zone 'UTC', last_activity_at = clock_timestamp() at time zone 'UTC'
      where id in (select id from talking)
    ),
    wrote as (
      update contacts
      set updated_at = clock_timestamp() at time zone 'UTC', last_activity_at = clock_timestamp() at time zone 'UTC'
      where id in (select contact_id from talking)
    )
  update messages
  set status = 2, updated_at = clock_timestamp() at time zone 'UTC'
  where id in (select id from messages order by id desc limit 43)`

/** Blocks of tables and indexes that sessions which have ended have asked for, from memory or not. */
async function blocksOf(source: Database): Promise<number> {
  const [row] = await source.query<{ blocks: string }>(`
    select sum(
      coalesce(heap_blks_read, 0) + coalesce(heap_blks_hit, 0) + coalesce(idx_blks_read, 0) + coalesce(idx_blks_hit, 0)
      + coalesce(toast_blks_read, 0) + coalesce(toast_blks_hit, 0) + coalesce(tidx_blks_read, 0) + coalesce(tidx_blks_hit, 0)
    )::text as blocks
    from pg_statio_user_tables`)
  return Number(row?.blocks)
}
