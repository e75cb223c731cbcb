import { describe, expect, it } from 'vitest'

import { reportSummary } from '../../bin/output/report-summary.js'
import { reportCsv } from '../../bin/output/report-csv.js'
import { diagnose, migrate, readReport, syncConversations, type ReportOptions } from '../../lib/index.js'
import { exportCsv, exportDuration } from '../fixtures/stories/export-csv.js'
import { openStories } from '../fixtures/stories/open.js'
import { openFirstTarget } from '../fixtures/first-release.js'
import { cloneDatabase } from '../setup/database.js'

const days = { since: '2026-06-01', until: '2026-06-11', zone: 'America/Sao_Paulo', account: 1 }

async function openReport() {
  const at = await openStories()
  const target = at.target.url
  return {
    ...at,
    report: (more: Partial<ReportOptions> = {}) => readReport({ ...days, target, ...more }),
  }
}

describe('a report', () => {
  it('has the cards of the page', async () => {
    await using at = await openReport()
    const { cards, before, bot, csat, live, ...rest } = await at.report()
    expect(cards).toEqual({
      ...{ conversationsCount: 32, incomingMessagesCount: 44, outgoingMessagesCount: 44 },
      ...{ avgFirstResponseTime: expect.closeTo(10434.78, 2), avgResolutionTime: expect.closeTo(30753, 0) },
      ...{ resolutionsCount: 29, replyTime: 525, botResolutionsCount: 4, botHandoffsCount: 3 },
    })
    expect(before).toMatchObject({ conversationsCount: 0, avgFirstResponseTime: null })
    expect(bot).toEqual({ conversationCount: 8, messageCount: 15, resolutionRate: 37, handoffRate: 37 })
    expect(csat).toEqual({
      ...{ responsesCount: 1, surveysSentCount: 2, satisfactionScore: 100, responseRate: 50 },
    })
    expect(live).toEqual({ openCount: 7, unattendedCount: 2, unassignedCount: 0, pendingCount: 0 })
    expect(rest).toMatchObject({
      ...{ accountName: 'Loja', since: '2026-06-01 03:00:00+00', until: '2026-06-12 02:59:59+00' },
      ...{ by: null, rows: [], comparison: null, orphanEvents: null },
      orphanEventsUnknown: 'No source is set.',
    })
  })

  it('has the zone of the account, and takes times with an offset as they are', async () => {
    await using at = await openReport()
    expect(await at.report({ zone: undefined })).toMatchObject({ zone: 'America/Sao_Paulo' })
    const times = { since: '2026-06-01T00:00-03:00', until: '2026-06-01 23:59:59 -0300', zone: 'UTC' }
    expect(await at.report(times)).toMatchObject({
      ...{ since: '2026-06-01 03:00:00+00', until: '2026-06-02 02:59:59+00' },
      cards: { conversationsCount: 31, resolutionsCount: 23 },
    })
  })

  it('has no number where the table lacks what it is made of', async () => {
    await using at = await openReport()
    await at.target.query(`
      update conversas_analytics
      set reporting_events = null, inbox_has_bot = null, is_sla_missed = null, csat_responses = null`)
    const { cards, bot, csat, sla, rows } = await at.report({ by: 'inbox' })
    expect(cards).toEqual({
      ...{ conversationsCount: 32, incomingMessagesCount: 44, outgoingMessagesCount: 44 },
      ...{ avgFirstResponseTime: null, avgResolutionTime: null, resolutionsCount: null, replyTime: null },
      ...{ botResolutionsCount: null, botHandoffsCount: null },
    })
    expect(bot).toEqual({
      ...{ conversationCount: null, messageCount: null, resolutionRate: null, handoffRate: null },
    })
    expect([csat, sla]).toEqual([null, null])
    expect(rows.map(({ resolvedConversationsCount }) => resolvedConversationsCount)).toEqual([
      null,
      null,
      null,
    ])
  })

  it('says what cannot be reported', async () => {
    await using at = await openReport()
    const rejection = (more: Partial<ReportOptions>) => at.report(more).then(JSON.stringify, String)
    expect(await rejection({ since: 'yesterday' })).toContain('since is "yesterday"')
    expect(await rejection({ until: '2026-02-30' })).toContain('until is "2026-02-30"')
    expect(await rejection({ until: '2026-05-01' })).toContain('No time lies between')
    expect(await rejection({ account: 7 })).toContain('It has those of 1.')
    expect(await rejection({ zone: 'Brasilia' })).toContain('knows no time zone "Brasilia"')
    expect(await rejection({ compare: 'a,b\n1,2\n' })).toContain('no header of a report')
    await at.target.query('update conversas_analytics set account_id = 2 where conversation_id = 1')
    await expect(at.report({ account: undefined })).rejects.toMatchObject({ code: 'CONFIG_MISSING' })
    await at.target.query('delete from conversas_analytics')
    await expect(at.report({ account: undefined })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  it('reads the tables of a schema of its own', async () => {
    await using at = await openReport()
    const target = at.target.url
    await migrate({ target, schema: 'filial "sul"' })
    await syncConversations({ source: at.source.url, target, schema: 'filial "sul"' })
    await at.target.query('truncate public.conversas_analytics')
    expect(await at.report({ schema: 'filial "sul"', by: 'agent' })).toMatchObject({
      ...{ cards: { conversationsCount: 32, resolutionsCount: 29 }, rows: [{ id: 1 }, { id: 2 }] },
    })
  })

  it.each([
    ['nothing', () => cloneDatabase('target', 'template1')],
    ['the tables of the first release', openFirstTarget],
  ])('of a target with %s says what to do', async (_, open) => {
    await using target = await open()
    await expect(readReport({ ...days, target: target.url })).rejects.toMatchObject({
      ...{ code: 'TARGET_NOT_MIGRATED', remedy: 'Run chatwoot-sync migrate.' },
    })
  })

  it('counts events of conversations that Chatwoot no longer has', async () => {
    await using at = await openReport()
    const source = at.source.url
    expect(await at.report({ source })).toMatchObject({ orphanEvents: 0, orphanEventsUnknown: null })
    await at.source.query(`update reporting_events set conversation_id = 9999 where conversation_id = 10`)
    expect(await at.report({ source })).toMatchObject({ orphanEvents: 3 })
    await at.source.query('alter table reporting_events rename to gone')
    expect(await at.report({ source })).toMatchObject({
      ...{ orphanEvents: null, orphanEventsUnknown: expect.stringContaining('no reporting_events') },
    })
  })
})

const summaryHeaders = [
  'Conversations,Incoming Messages,Outgoing Messages,Avg first response time,Avg resolution time',
  'Resolution Count,Avg customer waiting time',
]

describe('a comparison with an export', () => {
  it('finds every number of the conversations report equal', async () => {
    await using at = await openReport()
    const { cards } = await at.report()
    const cells = [
      cards.conversationsCount,
      cards.incomingMessagesCount ?? '',
      cards.outgoingMessagesCount ?? '',
      exportDuration(cards.avgFirstResponseTime),
      exportDuration(cards.avgResolutionTime),
      cards.resolutionsCount ?? '',
      exportDuration(cards.replyTime),
    ]
    const { comparison } = await at.report({ compare: exportCsv('en', summaryHeaders, [cells]) })
    expect(comparison).toHaveLength(7)
    expect(comparison?.filter(({ isEqual }) => !isEqual)).toEqual([])
  })

  const agentHeaders = [
    'Nome do Agente,Conversas atribuídas,Tempo médio de primeira resposta,Tempo médio de resolução',
    'Contagem de Resolução,Tempo médio de espera do cliente',
  ]

  /** The table of agents as Chatwoot writes it in Portuguese, with an agent who has nothing. */
  async function agents(at: Awaited<ReturnType<typeof openReport>>, more: Partial<ReportOptions> = {}) {
    const { rows } = await at.report({ by: 'agent', ...more })
    return [
      ...rows.map((row) => [
        ...[row.name ?? '', row.conversationsCount, exportDuration(row.avgFirstResponseTime, 'pt-BR')],
        ...[exportDuration(row.avgResolutionTime, 'pt-BR'), row.resolvedConversationsCount ?? ''],
        exportDuration(row.avgReplyTime, 'pt-BR'),
      ]),
      ['Dora, a nova', 0, 'N/A', 'N/A', 0, 'N/A'],
    ]
  }

  it('knows the table by its headers, in Portuguese and saved by a spreadsheet', async () => {
    await using at = await openReport()
    const csv = exportCsv('pt-BR', agentHeaders, await agents(at))
    const found = await at.report({
      compare: `\uFEFF${csv.replaceAll(/,(?! )/g, ';').replaceAll('\n', '\r\n')}`,
    })
    expect(found.by).toBe('agent')
    expect(found.comparison).toHaveLength(15)
    expect(found.comparison?.filter(({ isEqual }) => !isEqual)).toEqual([])
  })

  it('says why a number differs', async () => {
    await using at = await openReport()
    const source = at.source.url
    const rows = await agents(at, { businessHours: true })
    const inHours = await at.report({ compare: exportCsv('pt-BR', agentHeaders, rows) })
    const reasons = new Set(inHours.comparison?.map(({ reason }) => reason))
    expect(reasons).toEqual(new Set([null, 'businessHours']))

    const whole = await agents(at)
    await at.source.query(
      `insert into reporting_events (name, value, account_id, inbox_id, user_id, conversation_id, created_at, updated_at)
       values ('conversation_resolved', 40000, 1, 1, 1, 9999, '2026-06-02', '2026-06-02')`,
    )
    const ana = whole.find(([name]) => name === 'Ana Maria de Souza') ?? []
    const { rows: own } = await at.report({ by: 'agent' })
    const before = own.find(({ name }) => name === 'Ana Maria de Souza')
    const count = Number(ana[4])
    const mean = ((before?.avgResolutionTime ?? 0) * count + 40_000) / (count + 1)
    const orphaned = whole.map((row) =>
      row === ana ? [...row.slice(0, 3), exportDuration(mean, 'pt-BR'), count + 1, row[5] ?? ''] : row,
    )
    const compared = await at.report({ source, compare: exportCsv('pt-BR', agentHeaders, orphaned) })
    expect(compared.comparison?.filter(({ isEqual }) => !isEqual)).toEqual([
      expect.objectContaining({
        row: 'Ana Maria de Souza',
        reason: 'orphanEvents',
        exported: expect.any(String),
      }),
      expect.objectContaining({
        row: 'Ana Maria de Souza',
        reason: 'orphanEvents',
        exported: String(count + 1),
      }),
    ])
    const missing = await at.report({ compare: exportCsv('pt-BR', agentHeaders, whole.slice(1, 2)) })
    expect(missing.comparison).toContainEqual(
      expect.objectContaining({ row: 'Ana Maria de Souza', exported: null, reason: 'notInExport' }),
    )
    const wrong = await at.report({
      compare: exportCsv(
        'pt-BR',
        agentHeaders,
        whole.map((row) => row.with(1, 77)),
      ),
    })
    expect(wrong.comparison?.filter(({ reason }) => reason === 'unexplained')).toHaveLength(whole.length)
  })

  it('says which numbers need the last second of the day', async () => {
    await using at = await openReport()
    const day = { since: '2026-06-01', until: '2026-06-01' }
    const csv = exportCsv('en', ['Conversations,Resolution Count'], [[31, 24]])
    const { comparison } = await at.report({ ...day, compare: csv })
    expect(comparison?.map(({ reason }) => reason)).toEqual([null, 'lastSecond'])
  })
})

it('the doctor names events of deleted conversations, and accounts whose days are those of UTC', async () => {
  await using at = await openReport()
  const names = async () => {
    const { checks } = await diagnose({ source: at.source.url, target: at.target.url })
    const own = checks.filter(({ name }) =>
      ['source-orphan-events', 'target-zone', 'target-chart-zone'].includes(name),
    )
    return own.map(({ name, outcome, message }) => [name, outcome, message])
  }
  expect(await names()).toEqual([
    ['target-chart-zone', 'ok', expect.stringContaining('read now in America/Sao_Paulo, have the days of')],
  ])
  await at.source.query('update reporting_events set conversation_id = 9999 where conversation_id = 10')
  await at.target.query(`update conversas_analytics set calendar_timezone = 'UTC'`)
  expect(await names()).toEqual([
    ['source-orphan-events', 'ok', expect.stringContaining('has 3 reporting events')],
    ['target-zone', 'warning', expect.stringContaining('of account 1.')],
  ])
})

describe('on the terminal', () => {
  it('is a table where there is room, and blocks where there is not', async () => {
    await using at = await openReport()
    const report = await at.report({ by: 'agent', source: at.source.url })
    expect(reportSummary(report, Infinity)).toMatchInlineSnapshot(`
      "Loja (account 1), 2026-06-01 00:00:00 to 2026-06-11 23:59:59, America/Sao_Paulo

                                    Now  Before  Trend
      Conversations                  32       0      -
      Messages received              44       0      -
      Messages sent                  44       0      -
      First response time   2 Hr 53 Min       -      -
      Resolution time       8 Hr 32 Min       -      -
      Resolutions                    29       0      -
      Waiting time         8 Min 45 Sec       -      -
      Resolved by bot                 4       0      -
      Handed over by bot              3       0      -

      Now: 7 open, 2 unattended, 0 unassigned, 0 pending
      Bots: 8 conversations, 15 messages, 37% resolved, 37% handed over
      CSAT: 1 answer to 2 surveys (50%), satisfaction 100%

      Agent               Conv.  Resolved  First resp.    Resolution       Waiting
      Ana Maria de Souza     26        21  3 Hr 10 Min  11 Hr 21 Min  8 Min 20 Sec
      Bia Lima                2         2        1 Min        50 Min        10 Min

      Events of deleted conversations, which Chatwoot's page includes: 0
      "
    `)
    const narrow = reportSummary(report, 40)
    expect(narrow).toContain('Ana Maria de Souza\n  Conv.        ')
    expect(narrow.split('\n').filter((line) => line.length > 52)).toEqual([])
    expect(reportCsv(report).split('\n')[0]).toBe(
      'id,name,conversationsCount,resolvedConversationsCount,avgFirstResponseTime,avgResolutionTime,avgReplyTime',
    )
    expect(reportCsv({ ...report, by: null }).split('\n')).toHaveLength(3)
  })
})
