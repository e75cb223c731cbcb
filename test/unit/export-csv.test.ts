import { describe, expect, it } from 'vitest'

import { pageDuration, spansOf } from '../../lib/domain/quantity-text.js'
import { compareExport, type NamedNumbers } from '../../lib/operations/report/compare-export.js'
import { readExport } from '../../lib/operations/report/export-csv.js'

const named = (name: string | null, numbers: NamedNumbers['numbers']): NamedNumbers => ({
  ...{ name, numbers, withOrphans: undefined },
})

describe('an export of Chatwoot', () => {
  it.each([
    ['agent', 'Agent name,Assigned conversations,Avg first response time,Avg resolution time'],
    [
      'agent',
      'Nome do Agente,Conversas atribuídas,Tempo médio de primeira resposta,Tempo médio de resolução',
    ],
    ['team', 'Team name,Conversations count,Avg first response time,Avg resolution time'],
    ['team', 'Nome do Time,Contagem de conversas,Tempo médio de primeira resposta,Tempo médio de resolução'],
    ['label', 'Label,No. of conversations,Avg first response time,Avg resolution time'],
    ['label', 'Etiqueta,Nº de Conversas,Tempo médio de primeira resposta,Tempo médio de resolução'],
  ])('of the table by %s is known by its headers', (of, headers) => {
    const read = readExport(`${headers}\nx,1,2 minutes,N/A\n\nReporting period 2026-06-01 to 2026-06-02\n`)
    expect(read.of).toBe(of)
    expect(read.columns.map(({ metric }) => metric)).toEqual([
      ...[undefined, 'conversationsCount', 'avgFirstResponseTime', 'avgResolutionTime'],
    ])
    expect(read.rows.map(({ name }) => name)).toEqual(['x'])
    expect(read.period).toBe('Reporting period 2026-06-01 to 2026-06-02')
  })

  it('of the table of inboxes has a column that is no number', () => {
    const headers =
      'Nome da Caixa de Entrada,Tipo da Caixa de Entrada,Nº de Conversas,Contagem de Resolução,Tempo médio de espera do cliente'
    expect(readExport(`${headers}\n"Site, o novo","Website",3,4,1 dia 2 horas\n`)).toMatchObject({
      of: 'inbox',
      columns: [
        ...[{ metric: undefined }, { metric: undefined }, { metric: 'conversationsCount' }],
        ...[{ metric: 'resolutionsCount' }, { metric: 'replyTime' }],
      ],
      rows: [{ name: 'Site, o novo', cells: ['Site, o novo', 'Website', '3', '4', '1 dia 2 horas'] }],
    })
  })

  it('has names as they are, with quotes, line breaks and what a spreadsheet would take for a formula', () => {
    const text = `Agent name,Assigned conversations,Avg resolution time\r\n"Ana ""A"" \nSouza",1,N/A\r\n'=1+1,2,N/A\r\n`
    expect(readExport(text).rows.map(({ name }) => name)).toEqual(['Ana "A" \nSouza', '=1+1'])
  })

  it.each([
    'Incoming Messages,Outgoing Messages',
    'Messages received,Messages sent',
    'Mensagens Recebidas,Mensagens enviadas',
  ])('of conversations has messages under %j', (headers) => {
    const { of, columns } = readExport(`Conversations,${headers}\n1,2,3\n`)
    expect([of, ...columns.map(({ metric }) => metric)]).toEqual([
      ...['account', 'conversationsCount', 'incomingMessagesCount', 'outgoingMessagesCount'],
    ])
  })

  it.each(['', 'a,b\n1,2\n', 'Agent name\nAna\n'])('is not %j', (text) => {
    expect(() => readExport(text)).toThrow('no header of a report')
  })
})

describe('a comparison', () => {
  const compare = (cells: string, own: readonly NamedNumbers[]) =>
    compareExport(readExport(`Agent name,Assigned conversations,Avg first response time\n${cells}`), own, [])

  it('takes durations as the file has them: two units, rounded down', () => {
    const own = [named('Ana', { conversationsCount: 2, avgFirstResponseTime: 93_784.9 })]
    expect(compare('Ana,2,1 day 2 hours\n', own).map(({ isEqual }) => isEqual)).toEqual([true, true])
    expect(compare('Ana,2,1 día 2 horas\n', own).map(({ isEqual }) => isEqual)).toEqual([true, true])
    expect(compare('Ana,2,1 day 3 hours\n', own).map(({ isEqual }) => isEqual)).toEqual([true, false])
    expect(compare('Ana,2,1 minute 2 seconds\n', own).map(({ isEqual }) => isEqual)).toEqual([true, false])
  })

  it('takes an agent without anything for zeros, and nothing for no duration', () => {
    expect(compare('Dora,0,N/A\n', []).every(({ isEqual }) => isEqual)).toBe(true)
    expect(compare('Dora,0,--\n', []).every(({ isEqual }) => isEqual)).toBe(true)
    const zero = [named('Dora', { conversationsCount: 0, avgFirstResponseTime: 0.4 })]
    expect(compare('Dora,0,N/A\n', zero).every(({ isEqual }) => isEqual)).toBe(true)
  })

  it('says that two rows have one name, and that the table lacks a number', () => {
    const twice = [named('Ana', { conversationsCount: 1 }), named('Ana', { conversationsCount: 2 })]
    expect(compare('Ana,2,N/A\n', twice)[0]).toMatchObject({ isEqual: false, reason: 'nameTwice' })
    const without = [named('Ana', { conversationsCount: null, avgFirstResponseTime: null })]
    expect(compare('Ana,2,N/A\n', without)[0]).toMatchObject({ ours: null, reason: 'notInTable' })
  })
})

it('durations are written as on the page', () => {
  const written = [null, 0, 59.9, 60, 65, 3600, 3659, 3660, 90_000, 86_400 + 59, -65]
  expect(written.map(pageDuration)).toEqual([
    ...['-', '0 Sec', '59 Sec', '1 Min', '1 Min 5 Sec', '1 Hr', '1 Hr', '1 Hr 1 Min', '1 Day 1 Hr', '1 Day'],
    '-1 Min 5 Sec',
  ])
  expect(spansOf(86_459)).toEqual([
    { count: 1, unit: 'd' },
    { count: 59, unit: 's' },
  ])
})
