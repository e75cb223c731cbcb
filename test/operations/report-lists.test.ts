import { expect, it } from 'vitest'

import { reportSummary } from '../../bin/output/report-summary.js'
import { readReport, type ReportOptions } from '../../lib/index.js'
import { openStories } from '../fixtures/stories/open.js'
import { insertRows } from '../fixtures/stories/load.js'

const days = { since: '2026-06-01', until: '2026-06-11', zone: 'America/Sao_Paulo', account: 1 }

type Opened = Awaited<ReturnType<typeof openStories>>

async function compare(at: Opened, csv: string, more: Partial<ReportOptions> = {}) {
  const report = await readReport({ ...days, target: at.target.url, compare: csv, ...more })
  const comparison = report.comparison ?? []
  return { report, comparison, differing: comparison.filter(({ isEqual }) => !isEqual) }
}

/** What Chatwoot's table holds, hour by hour. */
async function hoursOf(at: Opened, { zone, where, from }: { zone: string; where: string; from: string }) {
  const rows = await at.source.query<{ date: string; hour: number; count: number }>(
    `select
       to_char(h.hour, 'YYYY-MM-DD') as date,
       extract(hour from h.hour)::integer as hour,
       (
         select count(*)::integer
         from ${from} c
         where c.account_id = 1
           and date_trunc('hour', c.created_at at time zone 'UTC' at time zone $1) = h.hour
           and ${where}
       ) as count
     from generate_series('2026-06-01'::timestamp, '2026-06-07 23:00', interval '1 hour') h (hour)`,
    [zone],
  )
  expect(rows.some(({ count }) => count > 0)).toBe(true)
  return rows
}

it('an export of traffic from the server is compared hour by hour of UTC', async () => {
  await using at = await openStories()
  const hours = await hoursOf(at, { zone: 'UTC', where: 'true', from: 'conversations' })
  const dates = [...new Set(hours.map(({ date }) => date))]
  const lines = Array.from({ length: 24 }, (_, hour) => [
    `${String(hour).padStart(2, '0')}:00`,
    ...hours.filter((each) => each.hour === hour).map(({ count }) => count),
  ])
  const file = (rows: typeof lines) =>
    ['Timezone,Brasilia', ['Start of the hour', ...dates].join(','), ...rows].join('\n')
  const { comparison, differing } = await compare(at, file(lines))
  expect(comparison).toHaveLength(7 * 24)
  expect(differing).toEqual([])

  const wrong = await compare(at, file(lines.with(15, lines[15]?.with(1, 99) ?? [])))
  expect(wrong.differing).toEqual([
    {
      ...{ row: '2026-06-01 15:00', column: 'Conversations', exported: '99', ours: 0 },
      ...{ isEqual: false, reason: 'unexplained' },
    },
  ])
})

it('an export of traffic or of resolutions from the browser is compared hour by hour of the zone, of all inboxes or of one', async () => {
  await using at = await openStories()
  const file = async (title: string, from: string, where: string) => {
    const hours = await hoursOf(at, { zone: days.zone, where, from })
    const lines = hours.map(({ date, hour, count }) => `${date},${hour}:00 - ${hour + 1}:00,${count}`)
    return ['Date,Hour,' + title, ...lines].join('\n')
  }
  const ofInbox = await file('Conversation Traffic', 'conversations', 'c.inbox_id = 3')
  expect((await compare(at, ofInbox, { inbox: 3 })).differing).toEqual([])
  expect((await compare(at, ofInbox)).differing.length).toBeGreaterThan(0)
  const resolved = await file('Resolutions', 'reporting_events', `c.name = 'conversation_resolved'`)
  const { comparison, differing } = await compare(at, resolved)
  expect(comparison).toHaveLength(7 * 24)
  expect(differing).toEqual([])
})

const answerHeaders = {
  en: 'Agent Name,Rating,Feedback Comment,Contact Name,Contact Email Address,Contact Phone Number,Link to the conversation,Recorded date',
  pt: 'Nome do Agente,Classificação,Comentário de Feedback,Nome do contato,E-mail de contato,Telefone de contato,Link para a conversa,Data de gravação',
}

it('an export of answers to surveys is compared answer by answer', async () => {
  await using at = await openStories()
  const [answer] = await at.source.query<{ id: number; at: string; rating: number }>(
    `select c.display_id as id, to_char(a.created_at, 'YYYY-MM-DD HH24:MI:SS') as at, a.rating
     from csat_survey_responses a
     join conversations c on c.id = a.conversation_id`,
  )
  if (!answer) throw new Error('No answer')
  const line = (rating: number, id = answer.id) =>
    `Ana (ana@example.com),${rating},"Bom,\nobrigado",Cliente,,,https://chat.example.com/app/accounts/1/conversations/${id},${answer.at} UTC`
  const file = (headers: string, ...lines: string[]) =>
    [headers, ...lines, 'Reporting period 2026-06-01 to 2026-06-12'].join('\n\n')
  for (const headers of Object.values(answerHeaders)) {
    const { report, differing } = await compare(at, file(headers, line(answer.rating)))
    expect(differing).toEqual([])
    expect(report).toMatchObject({ exportedPeriod: 'Reporting period 2026-06-01 to 2026-06-12', by: null })
  }
  const row = `#${answer.id}, ${answer.at}`
  const { differing: edited } = await compare(at, file(answerHeaders.en, line(1)))
  expect(edited).toMatchObject([{ row, column: 'Rating', exported: '1', ours: 5, reason: 'unexplained' }])
  const { report, differing: others } = await compare(at, file(answerHeaders.en, line(4, 99)))
  expect(others).toMatchObject([
    { row: `#99, ${answer.at}`, exported: '4', ours: null, reason: 'unexplained' },
    { row, exported: null, ours: 5, reason: 'notInExport' },
  ])
  expect(reportSummary(report, Infinity)).toContain(`- ${row}, Rating: the file says nothing, the table 5: `)

  await at.target.query('update conversas_analytics set csat_responses = null')
  const { differing: unknown } = await compare(at, file(answerHeaders.en, line(5)))
  expect(unknown).toMatchObject([{ exported: '5', ours: null, reason: 'notInTable' }])
})

it('an export of missed agreements is compared by policy and by what was missed', async () => {
  await using at = await openStories()
  const own = { account_id: 1, sla_policy_id: 1, created_at: '2026-06-02', updated_at: '2026-06-02' }
  await insertRows(at.source, 'applied_slas', [
    { id: 1, conversation_id: 3, sla_status: 2, ...own },
    { id: 2, conversation_id: 4, sla_status: 1, ...own },
    { id: 3, conversation_id: 5, sla_status: 3, ...own },
  ])
  const event = { inbox_id: 1, ...own }
  await insertRows(at.source, 'sla_events', [
    { id: 1, applied_sla_id: 1, conversation_id: 3, event_type: 2, ...event },
    { id: 2, applied_sla_id: 1, conversation_id: 3, event_type: 0, ...event },
    { id: 3, applied_sla_id: 1, conversation_id: 3, event_type: 2, ...event },
  ])
  await at.source.query('update conversations set sla_policy_id = 1 where id in (3, 4, 5)')
  await at.sync({ loadType: 'full' })
  const ids = await at.source.query<{ id: number }>(
    'select display_id as id from conversations where id in (3, 5) order by id',
  )
  const [third, fifth] = ids.map(({ id }) => id)
  const file = (...lines: string[]) =>
    [
      'Conversation ID,SLA Policy,Assignee,Team,Inbox,Labels,Link to the Conversation,Breached Events',
      ...lines.map((line) => `  ${line}`),
    ].join('\n\n')
  const link = 'https://chat.example.com/app/accounts/1/conversations/1'
  const missed = (events: string) => `${third},Ouro,Ana,,Site,"vip, entrega",${link},"${events}"`
  const running = `${fifth},Ouro,Ana,,Site,,${link},""`
  const { comparison, differing } = await compare(at, file(missed('rt, frt, rt'), running))
  expect(comparison).toHaveLength(4)
  expect(differing).toEqual([])
  const { report, differing: wrong } = await compare(at, file(missed('nrt')))
  expect(wrong).toMatchObject([
    { row: `#${third}`, column: 'Breached Events', exported: 'nrt', ours: 'frt, rt', reason: 'unexplained' },
    { row: `#${fifth}`, column: 'SLA Policy', exported: null, ours: 'Ouro', reason: 'notInExport' },
  ])
  expect(reportSummary(report, Infinity)).toContain('Breached Events: the file says nrt, the table frt, rt: ')
})
