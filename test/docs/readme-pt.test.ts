import { existsSync, readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { migrate, syncConversations } from '../../lib/index.js'
import { helpOf } from '../fixtures/cli-fixture.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'

const papers = ['README', 'MOVING'] as const
const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

describe.each(papers)('%s.pt-BR.md, beside the English one,', (name) => {
  const [english, portuguese] = [read(`${name}.md`), read(`${name}.pt-BR.md`)]

  it('has the same headings, level by level', () => {
    const levels = (text: string) => headings(text).map(({ level }) => level)
    expect(levels(portuguese)).toEqual(levels(english))
  })

  it('has the same code, comments aside', () => {
    expect(codeBlocks(english).length).toBeGreaterThan(2)
    expect(codeBlocks(portuguese).map(withoutComments)).toEqual(codeBlocks(english).map(withoutComments))
  })

  it('has the same tables, and the same names in each row', () => {
    expect(tables(english).length).toBeGreaterThan(3)
    expect(tables(portuguese)).toEqual(tables(english))
  })

  it('has as many paragraphs and points under each heading, with the same names', () => {
    expect(sections(portuguese)).toEqual(sections(english))
  })

  it('leads to where the English one leads, in Portuguese where there is Portuguese', () => {
    const inPortuguese = (target: string) => target.replace(/^(README|MOVING)\.md$/, '$1.pt-BR.md')
    const own = [`${name}.md`, `${name}.pt-BR.md`]
    const others = (text: string) => files(text).filter((target) => !own.includes(target))
    expect(others(portuguese)).toEqual(others(english).map(inPortuguese))
    expect(files(portuguese)).toContain(`${name}.md`)
    expect(files(english)).toContain(`${name}.pt-BR.md`)
  })

  it.each([english, portuguese])('leads to files and headings that there are', (text) => {
    expect(files(text).filter((target) => !existsSync(new URL(`../../${target}`, import.meta.url)))).toEqual(
      [],
    )
    expect(headings(text).map(({ anchor }) => anchor)).toEqual(expect.arrayContaining(anchors(text)))
  })
})

describe('the page on moving from the Python pipeline', () => {
  it('has a row for each command, file, table and setting of it', () => {
    const firsts = tableRows(read('MOVING.md')).map((row) => row.split(' | ')[0] ?? '')
    const named = firsts.flatMap(names)
    const missing = [
      ...pythonCommands.filter((command) => !named.some((name) => name.includes(command))),
      ...[...pythonFiles, ...pythonTables].filter((name) => !named.includes(name)),
    ]
    expect(missing).toEqual([])
    for (const side of ['SOURCE', 'LOCAL']) {
      for (const part of ['HOST', 'PORT', 'NAME', 'USER', 'PASSWORD']) {
        expect(read('MOVING.md')).toContain(`\`${side}_DB_${part}\``)
      }
    }
  })

  it('names no command and no flag of chatwoot-sync that does not exist', async () => {
    const calls = [
      ...read('MOVING.md').matchAll(/npx chatwoot-sync ((?:schedule|alerts) [a-z]+|[a-z]+)([^`\n]*)/g),
    ]
    expect(calls.length).toBeGreaterThan(15)
    for (const command of new Set(calls.map(([, command = '']) => command))) {
      const help = await helpOf(command)
      const rests = calls.flatMap(([, called, rest = '']) => (called === command ? [rest] : []))
      for (const [, flag = ''] of rests.join(' ').matchAll(/ (--[a-z-]+)/g))
        expect(help, command).toContain(flag)
    }
  })

  it('has a way back on which the Python pipeline finds its runs, and its inserts fit', async () => {
    await using source = await cloneDatabase('source')
    await using target = await cloneDatabase('target', 'template0')
    await makePythonTarget(target)
    await migrate({ target: target.url })
    const report = await syncConversations({ source: source.url, target: target.url })
    expect(report.warnings).toContainEqual(expect.objectContaining({ code: 'TAKEN_OVER' }))

    const back = codeBlocks(read('MOVING.md')).find((block) => block.startsWith('```sql\nbegin;')) ?? ''
    await target.query(back.split('\n').slice(1, -1).join('\n'))

    await target.query(pythonViews)
    expect(await target.query('select get_last_successful_watermark()::text as at')).toEqual([
      { at: '2026-01-01 00:00:00' },
    ])
    await target.query("insert into etl_control (status) values ('running')")
    expect(await target.query('select id, status from vw_etl_stats order by id')).toEqual([
      { id: 1, status: 'success' },
      { id: 2, status: 'running' },
    ])
    await target.query(
      "insert into conversas_analytics (conversation_id, contact_name) values (999999, 'Ana')",
    )
    await target.query("update conversas_analytics set is_today = true where contact_name = 'Ana'")
  })
})

const pythonCommands = [
  'bash scripts/run_etl_manual.sh',
  'source venv/bin/activate',
  'python3 src/features/etl_pipeline_v3.py --triggered-by manual',
  'python3 src/features/etl_pipeline_v3.py --triggered-by manual --full',
  'sudo bash scripts/setup_systemd.sh',
  'systemctl status allpfit-etl.timer',
  'systemctl list-timers allpfit-etl.timer',
  'sudo systemctl start allpfit-etl.service',
  'sudo systemctl enable allpfit-etl.timer',
  'journalctl -u allpfit-etl.service -f',
  'bash scripts/check_etl_health.sh',
  'SELECT * FROM vw_etl_stats LIMIT 10;',
  'SELECT get_last_successful_watermark();',
  'nano systemd/allpfit-etl.timer',
  'sudo systemctl daemon-reload',
  'sudo systemctl restart allpfit-etl.timer',
  'cat logs/etl/etl_latest.log',
  'from src.features.etl.extractor import test_connection; test_connection()',
]

const pythonFiles = [
  'src/features/etl_pipeline_v3.py',
  ...['__init__', 'extractor', 'transformer', 'loader', 'watermark_manager', 'logger'].map(
    (name) => `src/features/etl/${name}.py`,
  ),
  'sql/local_schema/02_create_etl_control.sql',
  'systemd/allpfit-etl.service',
  'systemd/allpfit-etl.timer',
  'scripts/setup_systemd.sh',
  'scripts/run_etl_manual.sh',
  'scripts/check_etl_health.sh',
  'logs/etl/etl_YYYYMMDD.log',
  'logs/etl/etl_latest.log',
  '.env',
]

const pythonTables = [
  'vw_conversations_analytics_final',
  'conversas_analytics',
  'etl_control',
  'vw_etl_stats',
  'get_last_successful_watermark()',
]

const pythonViews = `
  create view vw_etl_stats as select * from etl_control order by started_at desc;
  create function get_last_successful_watermark() returns timestamp language sql as
    $$ select max(watermark_end) from etl_control where status = 'success' $$`

/** As much of it as the way back touches. */
async function makePythonTarget(target: TestDatabase): Promise<void> {
  await target.query(`
    create table conversas_analytics (
      id serial primary key,
      conversation_id integer not null unique,
      contact_name varchar(255),
      is_today boolean,
      etl_inserted_at timestamp default now(),
      etl_updated_at timestamp default now()
    );
    create table etl_control (
      id serial primary key,
      execution_id uuid not null unique default gen_random_uuid(),
      started_at timestamp not null default now(),
      completed_at timestamp,
      status varchar(20) not null,
      watermark_start timestamp,
      watermark_end timestamp,
      rows_extracted integer default 0,
      rows_inserted integer default 0,
      rows_updated integer default 0,
      rows_unchanged integer default 0,
      duration_seconds numeric,
      load_type varchar(20) default 'incremental',
      triggered_by varchar(50) default 'manual',
      error_message text,
      error_traceback text
    );
    insert into etl_control (status, completed_at, watermark_end) values ('success', now(), '2026-01-01')`)
  await target.query(pythonViews)
}

function codeBlocks(text: string): string[] {
  return [...text.matchAll(/^```\w+\n[^]*?^```$/gm)].map(([block]) => block)
}

/** A comment leaves its place: one that is missing is a difference. */
function withoutComments(block: string): string {
  if (block.startsWith('```sh')) return block.replaceAll(/(^|\s)# .*$/gm, '$1#')
  if (block.startsWith('```ts')) return block.replaceAll(/\/\/ .*$/gm, '//')
  return block.startsWith('```sql') ? block.replaceAll(/-- .*$/gm, '--') : block
}

const withoutCode = (text: string) => text.replaceAll(/^```\w+\n[^]*?^```$/gm, '')

function headings(text: string): { level: number; anchor: string }[] {
  return [...withoutCode(text).matchAll(/^(#+) (.+)$/gm)].map(([, marks = '', heading = '']) => ({
    level: marks.length,
    anchor: heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  }))
}

const names = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name).sort()

const tableRows = (text: string) => withoutCode(text).match(/^\|.*$/gm) ?? []

/** For each table, its rows, each as the names that it holds cell by cell. */
function tables(text: string): string[][][][] {
  return (withoutCode(text).match(/(^\|.*\n)+/gm) ?? []).map((table) =>
    table
      .trim()
      .split('\n')
      .map((row) => row.split(' | ').map(names)),
  )
}

/** For each heading: what stands below it besides tables and code, as numbers and names. */
function sections(text: string) {
  const parts = withoutCode(text)
    .replaceAll(/^\|.*\n/gm, '')
    .split(/^#+ .*\n/m)
  return parts.map((part) => ({
    paragraphs: part.split(/\n{2,}/).filter((paragraph) => paragraph.trim() !== '').length,
    points: (part.match(/^(?:- |\d\. )/gm) ?? []).length,
    names: [...new Set(names(part.replaceAll('\n', ' ').replaceAll('`, `', '` `')))],
  }))
}

const targets = (text: string) => [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target)
const files = (text: string) =>
  targets(text).filter((target) => !target.startsWith('#') && !target.includes('://'))
const anchors = (text: string) =>
  targets(text).flatMap((target) => (target.startsWith('#') ? [target.slice(1)] : []))
