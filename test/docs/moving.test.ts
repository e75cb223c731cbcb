import { describe, expect, it } from 'vitest'

import { migrate, syncConversations, verifyConversations } from '../../lib/index.js'
import { MarkdownPage, names } from '../fixtures/markdown-page.js'
import { pythonControl, pythonViews } from '../fixtures/python-target.js'
import { cloneDatabase, type TestDatabase } from '../setup/database.js'

const page = new MarkdownPage('docs/moving-from-python.md')

describe('the page on moving from the Python pipeline', () => {
  it('has a row for each command, file, table and setting of it', () => {
    const firsts = (page.text.match(/^\|.*$/gm) ?? []).map((row) => row.split(' | ')[0] ?? '')
    const named = firsts.flatMap(names)
    const missing = [
      ...pythonCommands.filter((command) => !named.some((name) => name.includes(command))),
      ...[...pythonFiles, ...pythonTables].filter((name) => !named.includes(name)),
    ]
    expect(missing).toEqual([])
    for (const side of ['SOURCE', 'LOCAL']) {
      for (const part of ['HOST', 'PORT', 'NAME', 'USER', 'PASSWORD']) {
        expect(page.text).toContain(`\`${side}_DB_${part}\``)
      }
    }
  })

  it('has a way back on which the Python pipeline finds its runs, and its inserts fit', async () => {
    await using source = await cloneDatabase('source')
    await using target = await cloneDatabase('target', 'template0')
    await makePythonTarget(target)
    await migrate({ target: target.url })
    const report = await syncConversations({ source: source.url, target: target.url })
    expect(report.warnings).toContainEqual(expect.objectContaining({ code: 'TAKEN_OVER' }))

    const [back = ''] = page.blocks('sql', 'The way back')
    await target.query(back)

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

    const { notes } = await migrate({ target: target.url })
    expect(notes).toEqual([expect.stringContaining('etl_control_python')])
    expect(await target.query('select count(*)::integer as runs from etl_control_python')).toEqual([
      { runs: 2 },
    ])
    const again = await syncConversations({ source: source.url, target: target.url, loadType: 'full' })
    expect(again).toMatchObject({ status: 'success', rowsDeleted: 1 })
    expect(await verifyConversations({ source: source.url, target: target.url })).toMatchObject({
      ...{ rowsMissing: 0, rowsStale: 0, rowsExtra: 0 },
    })
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
    ${pythonControl}
    insert into etl_control (status, completed_at, watermark_end) values ('success', now(), '2026-01-01')`)
  await target.query(pythonViews)
}
