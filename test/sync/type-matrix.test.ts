import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'

import {
  toRelation,
  relationQuery,
  type Column,
  type RelationRow,
} from '../../lib/postgres/driver/catalog.js'
import { compile, inline } from '../../lib/postgres/driver/statement.js'
import { comparisonOf, isChanged } from '../../lib/postgres/driver/types/comparison.js'
import { conversionOf, type Conversion } from '../../lib/postgres/driver/types/conversion.js'
import {
  firstOfUser,
  isFreeText,
  isNumber,
  isPoint,
  isText,
} from '../../lib/postgres/driver/types/column-type.js'
import { cleaned } from '../../lib/postgres/source/clean-cell.js'
import { literal, ownTypes, typeSamples } from '../fixtures/type-samples.js'
import { openEmptySync, readTexts, type SyncFixture } from '../fixtures/sync-fixture.js'
import { share } from '../setup/share.js'

/** What a pair of types comes to, with the first value that shows it wrong. */
interface Verdict {
  readonly pair: string
  readonly outcome: Conversion
  readonly wrong: string | undefined
}

let at: SyncFixture
let columns: readonly Column[]
let texts: readonly (readonly string[])[]

const nameOf = (index: number) => `c${index}`

/** One column for each type, on both sides; row n of the source holds the n-th value of each. */
beforeAll(async () => {
  at = await openEmptySync()
  const definitions = typeSamples.map(([type], index) => `${nameOf(index)} ${type}`)
  for (const { query } of [at.source, at.target]) {
    await query(`${ownTypes}; create table samples (id integer, ${definitions.join(', ')})`)
  }
  const rows = Math.max(...typeSamples.map((sample) => sample.length - 1))
  for (let row = 0; row < rows; row += 1) {
    const values = typeSamples.map(([type, ...values]) => {
      const value = values[row]
      return value === undefined ? 'null' : `${literal(value)}::${type}`
    })
    await at.source.query(`insert into samples values (${row}, ${values.join(', ')})`)
  }
  const query = relationQuery('samples')
  const found = await at.target.query<RelationRow & pg.QueryResultRow>(query.sql, [...query.parameters])
  columns = toRelation(found)?.columns.slice(1) ?? []
  const here = await at.source.query<RelationRow & pg.QueryResultRow>(query.sql, [...query.parameters])
  expect(toRelation(here)?.columns.map(({ type }) => type)).toEqual([
    'integer',
    ...columns.map(({ type }) => type),
  ])
  texts = (await readTexts(at.source, 'select * from samples order by id')).map((row) =>
    row.slice(1).map((cell) => cell ?? ''),
  )
  await at.target.query(`
    create function attempt(statement text) returns text language plpgsql as $$
    declare result text;
    begin
      execute statement into result;
      return result;
    exception when others then
      return 'error ' || sqlstate;
    end $$`)
})

afterAll(() => at[Symbol.asyncDispose]())

const escape = pg.Client.prototype.escapeLiteral

/** What the source sends of each sample for a column of the target. */
async function sentFor(to: Column): Promise<(string | null)[][]> {
  const cells = columns.map(({ name, definition }) => cleaned(name, definition, to.definition))
  const query = compile(sql`select ${sql.join(cells)} from samples r order by id`)
  return readTexts(at.source, inline(query, escape))
}

/** What the column makes of a text, as COPY and an insert do, which truncate nothing. */
function stored(to: Column, text: string): string {
  if (to.definition.kind === 'json' || to.definition.kind === 'jsonb') return `${literal(text)}::${to.type}`
  return `(json_populate_record(null::samples, json_build_object('${to.name}', ${literal(text)}::text))).${to.name}`
}

/** `same` for the same text; `alike` for the same value, whatever this package thinks of it: back in its own type, or as a number. */
function isSameValue(from: Column, to: Column, text: string, original: string): string {
  const kept = stored(to, text)
  const keptText = `(${kept})::text`
  const ways = [`${keptText} in (${literal(original)}, ${literal(`${text}+00`)})`]
  const attempt = (statement: string, ...values: string[]) =>
    `attempt(format(${[literal(statement), ...values].join(', ')})) = 'true'`
  const { kind } = to.definition
  if (!isText(kind)) {
    const type = from.type === 'boolean' ? 'text' : from.type
    ways.push(attempt(`select %L::${type} is not distinct from %L`, keptText, literal(original)))
    ways.push(attempt(`select (%L::${type})::text = %L`, keptText, literal(original)))
    ways.push(attempt('select %L::numeric = %L::numeric', keptText, literal(text)))
    ways.push(attempt('select %L::numeric[] = %L::numeric[]', keptText, literal(text)))
  }
  if (kind === 'real' || kind === 'double') {
    ways.push(`attempt(${literal(`select (${kept})::bigint::numeric = ${literal(text)}::numeric`)}) = 'true'`)
  }
  if (kind === 'money') {
    ways.push(attempt('select (%L::money)::numeric = %L::numeric', keptText, literal(text)))
  }
  if (kind === 'hardware')
    ways.push(attempt('select (%L::macaddr8)::macaddr::text = %L', keptText, literal(original)))
  if (kind === 'boolean') {
    ways.push(`(${kept})::integer::text = ${literal(text)} or ${keptText} ^@ ${literal(text)}`)
  }
  return `
    select case
      when ${keptText} = ${literal(text)} then 'same'
      when ${ways.join(' or ')} then 'alike'
      else 'changed to ' || ${keptText}
    end`
}

async function attempts(statements: readonly string[]): Promise<string[]> {
  const rows = await readTexts(
    at.target,
    'select attempt(statement) from unnest($1::text[]) with ordinality given (statement, place) order by place',
    [statements],
  )
  return rows.map(([result]) => result ?? 'null')
}

async function verdictsOf(to: Column): Promise<Verdict[]> {
  const sent = await sentFor(to)
  const asked = columns.flatMap((from, index) =>
    sent.flatMap((row, place) => {
      const text = row[index]
      if (text === null || text === undefined || (texts[place]?.[index] ?? '') === '') return []
      const original = texts[place]?.[index] ?? ''
      const exact = sql`${sql.lit(text)}::text`
      const changed = isChanged(comparisonOf(from.definition, to.definition), to.definition, {
        exact,
        stored: sql.raw(stored(to, text)),
      })
      return [
        { from, text, statement: isSameValue(from, to, text, original) },
        { from, text, statement: inline(compile(sql`select ${changed}`), escape) },
      ]
    }),
  )
  const answers = await attempts(asked.map(({ statement }) => statement))
  return columns.map((from) => {
    const outcome = conversionOf(from.definition, to.definition)
    const seen = asked.flatMap((each, place) =>
      each.from === from && place % 2 === 0
        ? [{ text: each.text, truth: answers[place] ?? '', found: answers[place + 1] ?? '' }]
        : [],
    )
    const wrong = seen.find(({ truth, found }) => !isRight(from, to, outcome, truth, found))
    return {
      pair: `${from.type} into ${to.type}`,
      outcome,
      wrong: wrong && `${wrong.text}: ${wrong.truth}; found ${wrong.found}`,
    }
  })
}

const kindOf = ({ definition: { kind, element } }: Column) => element?.kind ?? kind

const isFree = (column: Column) => isFreeText(kindOf(column))

/** Numbers and times that are read from other digits: 20260101 is a date, 1234.5 a time of day, 7 an interval of seconds. */
const isReadAnew = (from: Column, to: Column) =>
  (isNumber(kindOf(from)) || kindOf(from) === 'money') &&
  (isPoint(kindOf(to)) || ['time', 'timetz', 'interval'].includes(kindOf(to)))

function isRight(from: Column, to: Column, outcome: Conversion, truth: string, found: string): boolean {
  const isRejected = truth.startsWith('error')
  const isKept = truth === 'same' || truth === 'alike'
  if (outcome === 'mismatch') return !isKept
  if (isRejected || isReadAnew(from, to)) return true
  // Of a text that another type reads, more than one form is the same value.
  if (outcome === 'same') return isKept || isFree(from)
  const { by } = comparisonOf(from.definition, to.definition)
  if (truth === 'alike' && (by === 'text' || by === 'written')) return true
  if (isFree(from)) return !isKept || found !== 'true' || from.definition.kind === 'char'
  return (found === 'false') === isKept
}

/** No value of theirs can be written: what indexes and the planner keep. */
const internal =
  /^(gtsvector|pg_brin_bloom_summary|pg_brin_minmax_multi_summary|pg_dependencies|pg_mcv_list|pg_ndistinct|pg_node_tree)$/

it('has values of every type of PostgreSQL', async () => {
  const found = await at.source.query<{ oid: number; name: string }>(`
    select oid::integer, typname as name
    from pg_type
    where typnamespace = 'pg_catalog'::regnamespace
      and typtype in ('b', 'r', 'm')
      and typcategory <> 'A'`)
  const known = new Set(columns.map(({ definition }) => definition.oid))
  const missing = found.flatMap(({ oid, name }) => (known.has(oid) || internal.test(name) ? [] : [name]))
  expect(missing).toEqual([])
})

it('describes each type as the pure test of all pairs reads it', async () => {
  const numbers = new Map<number, number>()
  const described = columns.map(({ definition }) =>
    JSON.stringify(definition, (key, value: unknown) =>
      key === 'oid' ? numbered(numbers, Number(value)) : value,
    ),
  )
  await expect(`${described.join('\n')}\n`).toMatchFileSnapshot('../fixtures/type-definitions.jsonl')
})

/** A type of the user has another number on each server. */
function numbered(numbers: Map<number, number>, oid: number): number {
  if (oid < firstOfUser) return oid
  if (!numbers.has(oid)) numbers.set(oid, firstOfUser + numbers.size)
  return numbers.get(oid) ?? oid
}

it('decides every pair of types so that no value changes without a word', async () => {
  const verdicts: Verdict[] = []
  const part = share(5, 1)
  const targets = columns.filter((_, index) => index % part === 0)
  for (const to of targets) verdicts.push(...(await verdictsOf(to)))
  const wrong = verdicts.flatMap((each) =>
    each.wrong ? [`${each.pair} ${each.outcome}: ${each.wrong}`] : [],
  )
  expect(wrong).toEqual([])
  expect(verdicts.length).toBe(typeSamples.length * targets.length)
  const count = (outcome: string) => verdicts.filter((each) => each.outcome === outcome).length
  expect(count('same')).toBeGreaterThan(1000 / part)
  expect(count('by value')).toBeGreaterThan(300 / part)
  expect(count('mismatch')).toBeGreaterThan(1000 / part)
})
