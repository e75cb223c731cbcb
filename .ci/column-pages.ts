import { readFileSync } from 'node:fs'

import { subjects } from './column-facts.js'
import { portugueseMeanings } from './column-meanings-pt.js'
import {
  changeOf,
  comparedWith,
  firstRelease,
  oldestRelease,
  privacyOf,
  silent,
  sinceOf,
  unchanging,
} from './column-sources.js'
import { english, portuguese, type Words } from './column-words.js'
import { earlierFormulas } from './earlier-formulas.js'

/** A column as the database describes it. */
export interface DescribedColumn {
  readonly relation: string
  readonly name: string
  readonly type: string
  readonly comment: string | null
}

/** Of the columns of the table and of those that only its view has, and the names of the view for old dashboards. */
export const describedColumns = `
  select
    c.relname as relation,
    a.attname as name,
    format_type(a.atttypid, a.atttypmod) as type,
    col_description(c.oid, a.attnum) as comment
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid
  where c.oid in (
      'conversas_analytics'::regclass,
      'vw_conversas_analytics'::regclass,
      'vw_conversas_analytics_v3'::regclass
    )
    and a.attnum > 0
    and not a.attisdropped
  order by c.relname, a.attnum`

const formulas = new Map(subjects.flatMap(({ columns }) => Object.entries(columns)))

/** The formula over other columns that returns the column; undefined where it is read from Chatwoot. */
export function formulaOf(column: string): string | undefined {
  const made = formulas.get(column)
  return made?.startsWith('= ') ? made.slice(2) : undefined
}

/** Each page by its path. Throws where a column is not described in full. */
export function columnPages(described: readonly DescribedColumn[]): Map<string, string> {
  const of = (relation: string) => described.filter((column) => column.relation === relation)
  const stored = of('conversas_analytics')
  const computed = of('vw_conversas_analytics').filter(
    ({ name }) => !stored.some((each) => each.name === name),
  )
  const columns = [...stored, ...computed]
  checkComplete(columns)
  const old = of('vw_conversas_analytics_v3').map(({ name }) => name)
  return new Map([english, portuguese].map((words) => [words.path, pageOf(columns, old, words)]))
}

function checkComplete(columns: readonly DescribedColumn[]): void {
  const names = columns.map(({ name }) => name)
  const lacking = (what: string, isThere: (column: DescribedColumn) => boolean) => {
    const without = columns.filter((column) => !isThere(column)).map(({ name }) => name)
    return without.length > 0 ? [`no ${what}: ${without.join(', ')}`] : []
  }
  const stale = [...new Set([...formulas.keys(), ...Object.keys(portugueseMeanings)])].filter(
    (name) => !names.includes(name),
  )
  const found = [
    ...lacking('comment in the database', ({ comment }) => (comment ?? '') !== ''),
    ...lacking('source or formula in .ci/column-facts.ts or message-column-facts.ts', ({ name }) =>
      formulas.has(name),
    ),
    ...lacking('meaning in .ci/column-meanings-pt.ts', ({ name }) => name in portugueseMeanings),
    ...(stale.length > 0 ? [`described, but not in the database: ${stale.join(', ')}`] : []),
  ]
  if (found.length > 0) throw new Error(`Columns are not described in full. ${found.join('; ')}.`)
}

function pageOf(columns: readonly DescribedColumn[], old: readonly string[], words: Words): string {
  const before = oldFormulas(words)
  const sections = subjects.flatMap((subject) => {
    const names = Object.keys(subject.columns)
    const own = names.flatMap((name) => columns.filter((column) => column.name === name))
    if (own.length === 0) return []
    const rows = own.map((column) => rowOf(column, { words, old, before }))
    const head = [words.head, words.head.map(() => '---')].map(lineOf)
    return [`## ${words.title(subject)}`, '', ...head, ...rows.map(lineOf), '']
  })
  return [words.begin, ...sections].join('\n')
}

const lineOf = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

interface Page {
  readonly words: Words
  readonly old: readonly string[]
  readonly before: ReadonlyMap<string, string>
}

function rowOf({ name, type, comment }: DescribedColumn, { words, old, before }: Page): string[] {
  const { text, since, privacy } = readComment(comment ?? '')
  const meaning = words === english ? text : (portugueseMeanings[name] ?? '')
  const formula = formulaOf(name)
  const made =
    formula === undefined ? (formulas.get(name) ?? '').replaceAll(/[a-z_]+\.[a-z_]+/g, '`$&`') : code(formula)
  const earlier = before.get(name)
  return [
    `\`${name}\`<br>${shortType(type)}`,
    meaningOf(name, meaning, words),
    made === '' ? '—' : words.made(made),
    made === '' ? '—' : (since ?? sinceOf[name] ?? latest(sourcesOf(name))),
    changesOf(name, words),
    words.privacy[privacy ?? privacyOf[name] ?? 'none'],
    !old.includes(name) ? '—' : earlier === undefined ? words.same : code(earlier),
  ]
}

/** With what it held before as a formula, in the place of the comment's own words on that. */
function meaningOf(name: string, text: string, { changed }: Words): string {
  const earlier = earlierFormulas[name]
  if (earlier === undefined) return escaped(text)
  return `${escaped(text.replace(/ Before[,:] .*$/, ''))} ${changed}: ${code(earlier)}`
}

/** A formula in backticks; a bar would end the cell. */
const code = (formula: string) => `\`${formula.replaceAll('|', '\\|')}\``

const escaped = (text: string) => text.replaceAll(/[|*<>[\]]/g, '\\$&')

const shortType = (type: string) =>
  type
    .replace(/^timestamp(\(\d\))? without time zone/, 'timestamp$1')
    .replace(/^timestamp(\(\d\))? with time zone/, 'timestamptz$1')

const classes = {
  none: 'none',
  'work of agents': 'agent',
  personal: 'personal',
  'free, may hold personal data': 'free',
} as const

/** What a comment says of release and privacy, and the text without. */
function readComment(comment: string) {
  const [, meaning = comment, said] = /^(.*?) Privacy: ([^.]+)\.$/.exec(comment) ?? []
  const [, release] = /Since Chatwoot (\d+\.\d+)/.exec(meaning) ?? []
  const privacy = Object.entries(classes).find(([words]) => words === said)?.[1]
  return { text: meaning.replace(/ Since Chatwoot \d+\.\d+\.$/, ''), since: release, privacy }
}

/** The columns of Chatwoot that a column is made of, through the columns in its formula. */
function sourcesOf(name: string): string[] {
  const formula = formulaOf(name)
  if (formula === undefined) return (formulas.get(name) ?? '').match(/[a-z_]+\.[a-z_]+/g) ?? []
  const words = formula.replaceAll(/'[^']*'/g, '').match(/[a-z_]+/g) ?? []
  return [...new Set(words.filter((word) => word !== name && formulas.has(word)).flatMap(sourcesOf))]
}

/** The release that has all of them. */
function latest(sources: readonly string[]): string {
  const number = (release: string) => {
    const [major = 0, minor = 0] = (release.split(' – ').at(-1) ?? '').split('.').map(Number)
    return major * 1000 + minor
  }
  const releases = sources.map(
    (source) => firstRelease[source] ?? firstRelease[source.split('.')[0] ?? ''] ?? oldestRelease,
  )
  return releases.sort((one, other) => number(other) - number(one))[0] ?? oldestRelease
}

function changesOf(name: string, words: Words): string {
  const sources = sourcesOf(name)
  const atReading = /\bnow\(\)/.test(formulaOf(name) ?? '') ? [words.atReading] : []
  if (sources.length === 0) return '—'
  const changing = sources.filter((source) => !unchanging.includes(source))
  const shown = changing.filter((source) => !silent.includes(source))
  if (changing.length > 0 && shown.length === 0) return words.silent
  const tables = shown.map((source) => source.split('.')[0] ?? '')
  const stamps = tables.flatMap((table) => (changeOf[table] === 'content' ? [] : (changeOf[table] ?? [])))
  const compared = tables
    .filter((table) => changeOf[table] === 'content')
    .map((table) => comparedWith[table] ?? table)
  const parts = [
    ...atReading,
    ...[...new Set(stamps)].map((stamp) => `\`${stamp}\``),
    ...[...new Set(compared)].map((table) => words.content(table)),
  ]
  return parts.length > 0 ? parts.join(', ') : words.never
}

/** What the old view computed, by column, of the page on moving. */
function oldFormulas({ moving }: Words): Map<string, string> {
  const page = readFileSync(new URL(`../${moving}`, import.meta.url), 'utf8')
  const [, table = ''] = page.split(/^\| (?:Column|Coluna) \|.*\n.*\n/m)
  const rows = table.split('\n\n')[0]?.split('\n') ?? []
  return new Map(
    rows.map((row) => {
      const cells = row.slice(2, -2).split(' | ')
      return [cells[0]?.replaceAll('`', '') ?? '', cells.at(-1)?.replaceAll('`', '') ?? '']
    }),
  )
}
