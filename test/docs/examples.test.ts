import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

import { expect, it } from 'vitest'

import { createChatwootSource } from '../../bin/demo/chatwoot-source.js'
import { builtExample } from '../setup/built-file.js'
import { differences, openEmptySync, type SyncFixture } from '../fixtures/sync-fixture.js'

/** The example as a process of its own, which finds the library by the package's name. */
function start(example: string, { source, target }: Pick<SyncFixture, 'source' | 'target'>, variables = {}) {
  const child = spawn(process.execPath, [builtExample(example)], {
    env: {
      PATH: process.env['PATH'] ?? '',
      SOURCE_DATABASE_URL: source.url,
      LOCAL_DATABASE_URL: target.url,
      ...variables,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { child, ended: ended.then(([stdout, stderr, [code]]) => ({ code, stdout, stderr })) }
}

const conversations = 60

async function openSmall(): Promise<SyncFixture> {
  const fixture = await openEmptySync()
  await createChatwootSource(fixture.source.url, { conversations })
  // One of them is made up, which a run warns of.
  await fixture.source.query(`update inboxes set timezone = 'America/Sao_Paulo'`)
  return fixture
}

it('once.ts brings everything over, and says how much', async () => {
  await using at = await openSmall()

  const { code, stdout, stderr } = await start('once', at).ended

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^full: 60 inserted, 0 updated, 0 unchanged, 0 marked deleted in [\d.]+ s\n$/)
  expect(await differences(at)).toEqual([])
})

it('once.ts says what is wrong, and what to do', async () => {
  await using at = await openEmptySync()

  const { code, stdout, stderr } = await start('once', at).ended

  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^RELATION_MISSING: .*\n$/)
})

it('inside-a-service.ts syncs again and again, reads the result, and ends cleanly at SIGTERM', async () => {
  await using at = await openSmall()
  const { child, ended } = start('inside-a-service', at, { SYNC_EVERY_SECONDS: '1' })
  const runs = async () => {
    const [row] = await at.target.query<{ runs: number }>(
      `select count(*)::integer as runs from etl_control where status = 'success' and triggered_by = 'scheduler'`,
    )
    return row?.runs
  }
  await expect.poll(runs, { timeout: 30_000 }).toBeGreaterThan(1)
  await at.source.query(
    `update conversations set status = 0, updated_at = clock_timestamp() at time zone 'UTC' where id < 20`,
  )
  const isOpen = 'select bool_and(is_open) as open from vw_conversas_analytics where conversation_id < 20'
  await expect.poll(() => at.target.query(isOpen), { timeout: 30_000 }).toEqual([{ open: true }])

  child.kill('SIGTERM')
  const { code, stdout, stderr } = await ended

  // A run that the signal met says so on stderr; nothing else may stand there.
  expect(stderr.replaceAll(/.*"code":"ABORTED".*\n/g, '')).toBe('')
  expect(code).toBe(0)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toContainEqual(expect.objectContaining({ message: 'Run done', rowsInserted: conversations }))
  const open = lines.filter(({ message }) => message === 'Open conversations')
  expect(open[0]).toMatchObject({ open: expect.any(Number) })
  for (const { newest_waiting_since: time } of open) {
    if (time !== null) expect(time).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/)
  }
  expect(await at.target.query(`select from etl_control where status = 'running'`)).toEqual([])
})

it('own-view.ts reads a view that is there already, and creates nothing beside it', async () => {
  await using at = await openSmall()
  await at.source.query(finalView)
  const objects = () => at.source.query('select relname from pg_class order by oid')
  const before = await objects()

  const { code, stdout, stderr } = await start('own-view', at).ended

  expect(stderr).toMatch(/^COLUMNS_IGNORED: .*: is_today, days_since_creation\.\n$/)
  expect(stdout).toBe('60 inserted, 0 updated, 0 marked deleted\n60 compared: 0 missing, 0 stale, 0 extra\n')
  expect(code).toBe(0)
  expect(await objects()).toEqual(before)
  const columns = [
    'conversation_id',
    'status_label_pt',
    'account_name',
    't_messages',
    'conversation_updated_at',
  ]
  const content = (relation: string) => `
    select ${columns.map((name) => `${name}::text`).join(', ')} from ${relation} order by conversation_id`
  expect(await at.target.query(content('conversas_analytics'))).toEqual(
    await at.source.query(content('vw_conversations_analytics_final')),
  )
})

/** A part of the view that users of the Python pipeline have. */
const finalView = `
  create view vw_conversations_analytics_final as
  select
    c.id as conversation_id,
    c.display_id,
    c.uuid as conversation_uuid,
    c.account_id,
    c.status,
    (array['Aberta', 'Resolvida', 'Pendente', 'Adiada'])[c.status + 1]::varchar(50) as status_label_pt,
    a.name::varchar(255) as account_name,
    c.created_at as conversation_created_at,
    c.updated_at as conversation_updated_at,
    (select count(*) from messages m where m.conversation_id = c.id) as t_messages,
    c.created_at::date = current_date as is_today,
    current_date - c.created_at::date as days_since_creation
  from conversations c
  left join accounts a on a.id = c.account_id`
