import { sql, type RawBuilder } from 'kysely'

import {
  type ColumnType,
  commonName,
  digitsOf,
  isBuiltIn,
  isDiscrete,
  isFreeText,
  isNumber,
  isObjectName,
  isOneOf,
  isPoint,
  isText,
  lengthOf,
} from './column-type.js'

/**
 * The type in which values of two types are compared, which holds every value of both. `target`: in the type of the target's column, with all
 * that its column does to a value. `written`: as whole texts.
 */
export type Comparison = (
  | {
      readonly by:
        | 'integer'
        | 'number'
        | 'money'
        | 'point'
        | 'clock'
        | 'interval'
        | 'json'
        | 'text'
        | 'target'
        | 'written'
    }
  /** In the range type of the source, as the target's may move the bounds. */
  | { readonly by: 'range'; readonly type: string }
) & {
  /** Values that differ in the source can be one value here, as the texts 01 and 1 are one integer. */
  readonly canCollapse?: boolean
}

/** A value in the form of a comparison, and the type of this form. Equal values are equal there, in each of their bytes. */
export interface Comparable {
  readonly type: string
  readonly value: RawBuilder<unknown>
}

/** Whether an expression is the value as the source has it, or as the column of the target holds it. */
export type Role = 'exact' | 'stored'

export function comparisonOf(from: ColumnType, to: ColumnType): Comparison {
  const { kind } = to
  if (from.kind === kind && isOneOf(kind, 'range', 'multirange')) return ofRanges(from, to)
  if (from.element && to.element) return comparisonOf(from.element, to.element)
  if (to.element && !isFreeText(from.kind)) return { by: 'written' }
  if (isOneOf(kind, 'smallint', 'integer', 'bigint') && isOneOf(from.kind, 'smallint', 'integer', 'bigint')) {
    return { by: 'integer' }
  }
  if (kind === 'money' && isFreeText(from.kind)) return { by: 'money' }
  if (isNumber(kind) || kind === 'money') return { by: 'number' }
  if (isPoint(kind)) return { by: 'point' }
  if (kind === 'interval' || (from.kind === 'interval' && isOneOf(kind, 'time', 'timetz'))) {
    return { by: 'interval' }
  }
  if (isOneOf(kind, 'time', 'timetz')) return { by: isPoint(from.kind) ? 'text' : 'clock' }
  if (kind === 'jsonb' && from.kind !== 'jsonb' && isFreeText(from.kind)) return { by: 'json' }
  return { by: isText(kind) ? 'text' : otherwise(from, to) }
}

/** As a text, unless the target's type is meant to read it in another way. */
const otherwise = (from: ColumnType, to: ColumnType) => {
  if (!isBuiltIn(to) || isObjectName(to)) return 'text'
  if (to.kind === 'geometry' && !isFreeText(from.kind)) return 'text'
  const isRead = isNumber(from.kind) && isOneOf(to.kind, 'boolean', 'json', 'jsonb')
  return isRead || isFreeText(from.kind) || from.kind === to.kind ? 'target' : 'text'
}

function ofRanges(from: ColumnType, to: ColumnType): Comparison {
  if (!isBuiltIn(from) || !isBuiltIn(to)) return { by: 'text' }
  const isMoved = isDiscrete(to) && !isDiscrete(from)
  return isMoved ? { by: 'range', type: from.bare } : { by: 'target' }
}

/** `value` is an expression of any type, whose text is the value's, or of the type of the column. */
export function comparable(
  comparison: Comparison,
  to: ColumnType,
  value: RawBuilder<unknown>,
  role: Role,
): Comparable {
  const isArray = to.kind === 'array'
  const exact = sql`(${value})::text`
  const read = role === 'exact' ? exact : value
  switch (comparison.by) {
    case 'integer':
      return isArray ? asText(exact) : { type: 'bigint', value: sql`(${value})::bigint` }
    case 'number':
      return asText(isArray ? numbers(exact) : role === 'exact' ? number(exact) : storedNumber(to, value))
    case 'money':
      return asText(role === 'exact' ? moneyOrNumber(exact) : storedNumber(to, value))
    case 'point':
      return isArray
        ? asText(sql`((${read})::timestamptz[])::text`)
        : { type: 'timestamptz', value: sql`(${read})::timestamptz` }
    case 'clock':
      return asText(
        isArray ? sql`((${read})::timetz[])::text` : role === 'exact' ? clock(exact) : storedClock(value),
      )
    case 'interval':
      return asText(
        sql`((${isZoned(to, role) ? sql`(${read})::${sql.raw(isArray ? 'time[]' : 'time')}` : read})::${sql.raw(isArray ? 'interval[]' : 'interval')})::text`,
      )
    case 'json':
      return asText(
        sql`((${read})::${sql.raw(isArray ? 'jsonb[]' : 'jsonb')})::text || ' ' || ${keysIn(read, isArray)}`,
      )
    case 'range':
      return asText(sql`((${exact})::${sql.raw(comparison.type)})::text`)
    case 'text':
      return asText(
        isPaddedArray(to) ? unpadded(read) : role === 'stored' && isUnpadded(to) ? asShown(value) : exact,
      )
    case 'written':
      return asText(exact)
    case 'target':
      if (isPaddedArray(to)) return asText(unpadded(read))
      return asText(role === 'exact' ? rounded(exact, to) : exact)
  }
}

/** True where the column holds another value than the source has. */
export function isChanged(
  comparison: Comparison,
  to: ColumnType,
  { exact, stored }: { readonly exact: RawBuilder<unknown>; readonly stored: RawBuilder<unknown> },
): RawBuilder<unknown> {
  const here = comparable(comparison, to, exact, 'exact').value
  const there = comparable(comparison, to, stored, 'stored').value
  return sql`(${here} is distinct from ${there})`
}

const asText = (value: RawBuilder<unknown>): Comparable => ({
  type: 'text',
  value: sql`(${value}) collate "C"`,
})

/** 1.10 is 1.1 where the one has another number of digits than the other can have. */
const number = (text: RawBuilder<unknown>) => sql`trim_scale((${text})::numeric)::text`

/** A float has the value of its shortest text, and, if it is whole, its own. */
function storedNumber({ kind }: ColumnType, value: RawBuilder<unknown>): RawBuilder<unknown> {
  if (kind !== 'real' && kind !== 'double') return number(kind === 'money' ? value : sql`(${value})::text`)
  return sql`
    case
      when (${value}) - (${value}) <> 0 then (${value})::text
      when ${value} >= -9223372036854775808 and ${value} < 9223372036854775808
        and trunc((${value})::double precision) = ${value} then (${value})::bigint::text
      else ${number(sql`(${value})::text`)}
    end`
}

function numbers(text: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(
    select case
      when all_of is not null then
        coalesce(array_dims(all_of), '') || ' '
          || coalesce(string_agg(coalesce(trim_scale(one)::text, 'NULL'), ',' order by place), '')
    end
    from (select (${text})::numeric[] as all_of) whole
    left join lateral unnest(all_of) with ordinality part (one, place) on true
    group by all_of
  )`
}

/** A text of JSON, and the colon if it is a key. */
const textInJson = String.raw`"(?:[^"\\]|\\.)*"\s*(:?)`

/** How many keys the objects of a document have, those that occur twice counted twice. */
function keysIn(document: RawBuilder<unknown>, isArray: boolean): RawBuilder<unknown> {
  const documents = isArray ? sql`unnest((${document})::text::json[])` : sql`(values ((${document})::text))`
  return sql`(
    select count(*) filter (where found.parts[1] = ':')
    from ${documents} one (written)
    cross join lateral regexp_matches(one.written::text, ${sql.lit(textInJson)}, 'g') found (parts)
  )::text`
}

/** The date of a text is passed over where a time of day is read. */
function clock(text: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case when (${text}) ~ '[0-9]+[-/.][0-9a-zA-Z]+[-/.][0-9]+' then (${text}) else ((${text})::timetz)::text end`
}

const storedClock = (value: RawBuilder<unknown>) => sql`((${value})::timetz)::text`

/** No cast leads from a time with a zone to an interval. */
const isZoned = ({ kind, element }: ColumnType, role: Role) =>
  role === 'stored' && (element?.kind ?? kind) === 'timetz'

/** The text of such an array shows the padding of its elements. */
const isPaddedArray = ({ element }: ColumnType) =>
  element !== undefined && isOneOf(element.kind, 'character', 'name', 'char')

const unpadded = (array: RawBuilder<unknown>) => sql`((${array})::text[])::text`

/** It keeps the spaces at the end of a text, which a cast to text takes and the server shows. */
const isUnpadded = (type: ColumnType) => type.kind === 'character' && lengthOf(type) === undefined

/** The text of a value as the server shows it, where a cast writes another one. */
export const asShown = (value: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`case when ${value} is not null then format('%s', ${value}) end`

/** Money reads signs of currencies and parentheses too, and rounds; a number is compared as it is. */
const moneyOrNumber = (text: RawBuilder<unknown>) => sql`
  case
    when (${text}) ~ '^\s*[-+]?[0-9]*[.]?[0-9]+\s*$' then ${number(text)}
    else ${number(sql`((${text})::money)::numeric`)}
  end`

/** By a function where there is one: only since release 15 a type can round to hundreds, and the source may be older than the target. */
function rounded(text: RawBuilder<unknown>, to: ColumnType): RawBuilder<unknown> {
  const digits = to.kind === 'numeric' ? digitsOf(to) : undefined
  if (digits) return sql`round((${text})::numeric, ${sql.lit(digits.scale)})::text`
  return sql`((${text})::${sql.raw(roundedName(to))})::text`
}

/** Texts and bits are truncated by a cast, and never by a column: what is too long is compared as it is. */
function roundedName(type: ColumnType): string {
  const { kind } = type.element ?? type
  const isCut = isOneOf(kind, 'varchar', 'character', 'bit') || !isBuiltIn(type)
  return isCut ? commonName(type) : type.full
}
