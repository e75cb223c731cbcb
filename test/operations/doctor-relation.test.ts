import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { checkHealth, syncConversations, verifyConversations } from '../../lib/index.js'
import { openPractice, type Practice } from '../fixtures/doctor-fixture.js'

let pair: Practice
beforeEach(async () => {
  pair = await openPractice()
})
afterEach(() => pair[Symbol.asyncDispose]())

describe('on a custom relation, the doctor', () => {
  const relation = { name: 'my_view', key: 'conversation_id', changedAt: 'changed_at' }

  const createView = async (columns: string, where = 'true') => {
    await pair.source.query(`create view my_view as select ${columns} from conversations where ${where}`)
    await pair.source.query(`grant select on my_view to ${pair.reader.user}`)
  }

  it('finds nothing critical where a run can work', async () => {
    await createView('id as conversation_id, display_id, updated_at as changed_at')
    const { ok, found } = await pair.examine({ relation })
    expect(ok).toBe(true)
    expect(found).toMatchObject([
      {
        name: 'relation-columns',
        message: 'The table conversas_analytics lacks columns, which are not loaded: changed_at.',
        remedy: expect.stringContaining('add column "changed_at" timestamp(6);'),
      },
      {
        name: 'relation-columns',
        message: expect.stringMatching(
          /^The relation lacks columns, which stay NULL in conversas_analytics: .* and \d+ more\.$/,
        ),
      },
    ])
    const options = { source: pair.readerUrl, target: pair.target.url, relation }
    expect(await syncConversations(options)).toMatchObject({ rowsInserted: 10 })
  })

  it('finds columns that depend on the time of reading, and its flag keeps verify and health quiet', async () => {
    await createView(`
      id as conversation_id,
      updated_at as changed_at,
      updated_at as conversation_updated_at,
      'now() and CURRENT_DATE' as contact_name,
      extract(epoch from now() - coalesce(waiting_since, created_at) at time zone 'UTC')::integer as resolution_time_seconds,
      (select count(*)::integer from messages where created_at < current_timestamp) as t_messages`)
    await pair.source.query(`grant select on messages to ${pair.reader.user}`)
    const clocked = (await pair.examine({ relation })).about('relation-clock')
    expect(clocked).toMatchObject([
      {
        outcome: 'warning',
        message: expect.stringContaining('time of reading: resolution_time_seconds, t_messages.'),
        remedy: expect.stringContaining('--ignore-changes resolution_time_seconds t_messages '),
      },
    ])
    const quiet = { ...relation, ignoreChanges: ['resolution_time_seconds', 't_messages'] }
    expect((await pair.examine({ relation: quiet })).about('relation-clock')).toMatchObject([
      { outcome: 'ok' },
    ])

    const options = { source: pair.readerUrl, target: pair.target.url, loadType: 'full' as const }
    await syncConversations({ ...options, relation })
    await pair.target.query('update conversas_analytics set resolution_time_seconds = -1')
    const { loadType: _full, ...pipeline } = options
    expect(await verifyConversations({ ...pipeline, relation })).toMatchObject({ rowsStale: 10 })

    // No new load because of the flag alone, and no write for a difference there.
    expect(await syncConversations({ ...pipeline, relation: quiet })).toMatchObject({
      ...{ loadType: 'incremental', reason: null, rowsUpdated: 0 },
    })
    expect(await syncConversations({ ...options, relation: quiet })).toMatchObject({
      rowsUpdated: 0,
      rowsUnchanged: 10,
    })
    expect(await verifyConversations({ ...pipeline, relation: quiet })).toMatchObject({
      ...{ rowsStale: 0, rowsMissing: 0, rowsExtra: 0, differingColumns: {} },
    })
    const { checks } = await checkHealth({ target: pair.target.url })
    expect(checks.filter(({ outcome }) => outcome !== 'ok')).toEqual([])

    // A row that differs elsewhere gets all of its columns.
    await pair.target.query(`update conversas_analytics set contact_name = 'x' where conversation_id = 3`)
    expect(await verifyConversations({ ...pipeline, relation: quiet, repair: true })).toMatchObject({
      ...{ rowsStale: 1, rowsRepaired: 1, differingColumns: { contact_name: 1 } },
    })
    expect(
      await pair.target.query(
        'select count(*)::integer as rows from conversas_analytics where resolution_time_seconds > 0',
      ),
    ).toEqual([{ rows: 1 }])
  })

  it('rejects the key, the change column and columns that are not loaded among those', async () => {
    await createView('id as conversation_id, updated_at as changed_at, display_id')
    const options = { source: pair.readerUrl, target: pair.target.url }
    for (const column of ['conversation_id', 'changed_at', 'nothing']) {
      const custom = { ...relation, ignoreChanges: [column] }
      await expect(syncConversations({ ...options, relation: custom })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(`relation.ignoreChanges names ${column}, `),
      })
    }
  })

  it('says what no run can notice, and where each reads everything', async () => {
    const columns = 'id as conversation_id, updated_at as changed_at'
    await createView(columns)
    expect((await pair.examine({ relation })).about('relation-changes')).toMatchObject([
      {
        outcome: 'ok',
        message: expect.stringContaining(
          'Deleted rows, other changes and what others write into the table are found by a full load or verify.',
        ),
      },
    ])
    await pair.source.query(
      `drop view my_view; create materialized view my_view as select ${columns} from conversations`,
    )
    await pair.source.query(`grant select on my_view to ${pair.reader.user}`)
    expect((await pair.examine({ relation })).about('relation-changes')).toMatchObject([
      {
        outcome: 'warning',
        message: expect.stringContaining('the first run after each refresh reads everything'),
      },
    ])
    await pair.source.query('create unique index on my_view (conversation_id)')
    expect((await pair.examine({ relation })).about('relation-changes')).toMatchObject([
      { outcome: 'warning', message: expect.stringContaining('can be refreshed in place') },
    ])
  })

  it('says that times without a zone may be local ones', async () => {
    await pair.source.query(`
      create table my_view (conversation_id int primary key, changed_at timestamp default now());
      grant select on my_view to ${pair.reader.user};
      alter database ${pair.source.name} set timezone = 'America/Sao_Paulo'`)
    expect((await pair.examine({ relation })).about('relation-changed-at-zone')).toMatchObject([
      { outcome: 'warning', remedy: expect.stringContaining('--changed-at-zone) to America/Sao_Paulo') },
    ])
    const local = { ...relation, changedAtZone: 'America/Sao_Paulo' }
    expect((await pair.examine({ relation: local })).about('relation-changed-at-zone')).toEqual([])
  })

  it('reports that it, its columns or the right to read it are missing', async () => {
    expect((await pair.examine({ relation })).about('relation')).toMatchObject([
      { outcome: 'critical', message: 'The source has no relation my_view.' },
    ])
    await createView('id, updated_at as changed_at')
    expect((await pair.examine({ relation })).about('relation')).toMatchObject([
      {
        outcome: 'critical',
        message: 'The relation my_view has no column conversation_id.',
        remedy: 'Choose among its columns: id, changed_at.',
      },
    ])
    await pair.source.query(`revoke select on my_view from ${pair.reader.user}`)
    expect((await pair.examine({ relation })).about('relation')).toMatchObject([
      {
        outcome: 'critical',
        remedy: `Have its owner run: grant select on "public"."my_view" to "${pair.reader.user}";`,
      },
    ])
  })

  it('counts keys that are NULL or repeated', async () => {
    await createView('nullif(greatest(id, 4), 4) / 3 as conversation_id, updated_at as changed_at')
    const [expected] = await pair.source.query(`
      select
        (select count(*) from my_view where conversation_id is null) as missing,
        (select count(*) from (select from my_view where conversation_id is not null group by conversation_id having count(*) > 1) g) as double`)
    const { about } = await pair.examine({ relation })
    expect(about('relation-key')).toMatchObject([
      {
        outcome: 'critical',
        message: `Rows of my_view in which conversation_id is NULL: ${expected?.['missing']}.`,
      },
      {
        outcome: 'critical',
        message: `Values of conversation_id that occur in more than one row of my_view: ${expected?.['double']}.`,
      },
    ])
  })

  it('names types that lose content or are not a time', async () => {
    await createView(`id as conversation_id, id as changed_at, now() as conversation_date`)
    const { found } = await pair.examine({ relation })
    const losses = found.filter(({ message }) => /^Column .* is /.test(message))
    expect(losses).toMatchObject([
      {
        name: 'relation-columns',
        outcome: 'critical',
        message: 'Column changed_at of my_view is integer, which is not a time.',
      },
      {
        name: 'relation-columns',
        outcome: 'warning',
        remedy: expect.stringContaining('--allow-lossy'),
        message: expect.stringMatching(
          /^Column conversation_date is timestamp with time zone .* date in the target/,
        ),
      },
    ])
  })
})
