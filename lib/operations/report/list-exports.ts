import { periodOf, plainHeader, type ChatwootExport } from './chatwoot-export.js'

type Lines = readonly (readonly string[])[]

/** Reads an export with a row for each hour, survey answer or missed agreement; undefined for another one. */
export function readListExport(lines: Lines): ChatwootExport | undefined {
  return readTraffic(lines) ?? readHours(lines) ?? readAnswers(lines) ?? readAgreements(lines)
}

const day = /^\d{4}-\d\d-\d\d$/
const noPeriod = { period: null } as const

/** The traffic of all inboxes, which the server exports: a line an hour and a column a day, of UTC. Earlier releases put the same of another zone before it. */
function readTraffic(lines: Lines): ChatwootExport | undefined {
  const head = lines.findLastIndex(([first]) => first === 'Start of the hour')
  const days = (lines[head] ?? []).slice(1).filter((cell) => day.test(cell))
  if (days.length === 0) return undefined
  const rows = lines
    .slice(head + 1)
    .filter(([hour = '']) => /^\d\d:00$/.test(hour))
    .flatMap(([hour = '', ...cells]) =>
      days.map((date, index) => ({ name: `${date} ${hour}`, cells: [cells[index] ?? ''] })),
    )
    .filter(({ cells: [cell] }) => cell !== '')
  const columns = [{ header: 'Conversations', metric: 'conversationsCount' }] as const
  return { of: 'traffic', columns, rows, zone: 'UTC', ...noPeriod }
}

/** Traffic or resolutions as the browser exports them: a line for each hour of its zone. */
function readHours(lines: Lines): ChatwootExport | undefined {
  const head = lines.findIndex(
    ([date, hour, title]) => date === 'Date' && hour === 'Hour' && title !== undefined,
  )
  const header = lines[head]?.[2]
  if (header === undefined) return undefined
  const rows = lines.slice(head + 1).flatMap(([date = '', hours = '', cell = '']) => {
    const [, hour] = /^(\d{1,2}):00 - /.exec(hours) ?? []
    if (!day.test(date) || hour === undefined) return []
    return [{ name: `${date} ${hour.padStart(2, '0')}:00`, cells: [cell] }]
  })
  const metric = /resol/.test(plainHeader(header)) ? 'resolutionsCount' : 'conversationsCount'
  return { of: 'traffic', columns: [{ header, metric }], rows, ...noPeriod }
}

const answerHeaders = [
  /^(rating|classificacao)$/,
  /^link (to the conversation|para a conversa)$/,
  /^(recorded date|data de gravacao)$/,
]

/** The answers to surveys, by conversation and time. */
function readAnswers(lines: Lines): ChatwootExport | undefined {
  const found = findHeader(lines, answerHeaders)
  if (!found) return undefined
  const [rating = 0, link = 0, time = 0] = found.places
  const rows = found.rest.map((cells) => {
    const [, id = ''] = /\/conversations\/(\d+)$/.exec(cells[link] ?? '') ?? []
    return { name: `#${id}, ${(cells[time] ?? '').slice(0, 19)}`, cells: [cells[rating] ?? ''] }
  })
  const columns = [{ header: found.headers[rating] ?? '', metric: 'rating' }] as const
  return { of: 'answers', columns, rows, period: periodOf(lines) }
}

const agreementHeaders = [
  /^(conversation id|id da conversa)$/,
  /^(sla policy|politica sla)/,
  /^(breached events|eventos violados)$/,
]

/** The service level agreements that were missed, by conversation. */
function readAgreements(lines: Lines): ChatwootExport | undefined {
  const found = findHeader(lines, agreementHeaders)
  if (!found) return undefined
  const [id = 0, policy = 0, missed = 0] = found.places
  const rows = found.rest.map((cells) => ({
    name: `#${cells[id] ?? ''}`,
    cells: [cells[policy] ?? '', cells[missed] ?? ''],
  }))
  const columns = [
    { header: found.headers[policy] ?? '', metric: 'slaPolicyName' },
    { header: found.headers[missed] ?? '', metric: 'slaMissedTypes' },
  ] as const
  return { of: 'agreements', columns, rows, ...noPeriod }
}

/** The line whose cells have all these headers, where each is in it, and the lines behind it. */
function findHeader(lines: Lines, patterns: readonly RegExp[]) {
  const placesIn = (cells: readonly string[]) =>
    patterns.map((pattern) => cells.findIndex((cell) => pattern.test(plainHeader(cell))))
  const head = lines.findIndex((cells) => placesIn(cells).every((place) => place >= 0))
  const headers = lines[head]
  if (!headers) return undefined
  const rest = lines.slice(head + 1).filter((cells) => cells.length > 1)
  return { headers, rest, places: placesIn(headers) }
}
