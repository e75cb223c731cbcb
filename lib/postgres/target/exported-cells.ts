import { sql, type CompiledQuery, type RawBuilder } from 'kysely'

import { tableOf, type Relation } from '../driver/catalog.js'
import { compile } from '../driver/statement.js'

/** What of a column can be exported as what it is; anything else is exported as text. */
export type ExportedRange = 'date' | 'timestamp' | 'timestamptz' | 'decimal' | 'list'

/** A column of the table as it is exported. */
export interface ExportedCell {
  readonly name: string
  /** A time without a zone is written as one of UTC, a list as JSON, anything else as PostgreSQL writes its text. */
  readonly form: 'text' | 'utc' | 'json' | 'jsonOfTexts'
  /** COPY writes its values as their cast to text does, in less time. (Default: false.) */
  readonly isSameInCopy?: boolean
  /** Which values its type can hold elsewhere; undefined for all. Others are NULL. */
  readonly range: ExportedRange | undefined
}

export interface ExportedRows {
  /** A condition over the table. */
  readonly where?: RawBuilder<unknown> | undefined
  /** The column by which they are ordered. */
  readonly orderBy?: string | undefined
  /** A last cell with the values outside of their ranges: JSON of their texts by column, NULL where there are none. */
  readonly withOutOfRange?: boolean
  /** Whether COPY reads the rows; else every cell has to be a text by itself. (Default: false.) */
  readonly byCopy?: boolean
}

/** The rows of a table, cell by cell. */
export function exportedRows(
  table: Pick<Relation, 'schema' | 'name'>,
  cells: readonly ExportedCell[],
  { where = sql`true`, orderBy, withOutOfRange = false, byCopy = false }: ExportedRows,
): CompiledQuery {
  const items = [...cells.map((cell) => cellOf(cell, byCopy)), ...(withOutOfRange ? [outOfRange(cells)] : [])]
  const order = orderBy === undefined ? sql`` : sql`\norder by ${column(orderBy)}`
  return compile(sql`
select
  ${sql.join(items, sql`,\n  `)}
from ${tableOf(table)} exported
where ${where}${order}`)
}

/** A column of the table in a condition of `ExportedRows`. */
export const column = (name: string): RawBuilder<unknown> => sql`exported.${sql.id(name)}`

/** A condition of `ExportedRows`, of a table with `deleted_at`. */
export const isNotSoftDeleted: RawBuilder<unknown> = sql`exported.deleted_at is null`

function cellOf({ name, form, range, isSameInCopy }: ExportedCell, byCopy: boolean): RawBuilder<unknown> {
  const value = byCopy && isSameInCopy && form === 'text' ? column(name) : formOf(name, form)
  return range === undefined ? value : sql`case when ${isWithin(name, range)} then ${value} end`
}

function formOf(name: string, form: ExportedCell['form']): RawBuilder<unknown> {
  const value = column(name)
  switch (form) {
    case 'text':
      return sql`${value}::text`
    case 'utc':
      return sql`(${value} at time zone 'UTC')::text`
    case 'json':
      return sql`to_json(${value})::text`
    case 'jsonOfTexts':
      return sql`to_json(${value}::text[])::text`
  }
}

/** NULL for NULL. */
function isWithin(name: string, range: ExportedRange): RawBuilder<unknown> {
  const value = column(name)
  switch (range) {
    case 'date':
      return sql`${value} between date '1900-01-01' and date '9999-12-31'`
    case 'timestamp':
      return sql`${value} >= timestamp '1900-01-01' and ${value} < timestamp '10000-01-01'`
    case 'timestamptz':
      return sql`${value} >= timestamptz '1900-01-01 00:00:00+00' and ${value} < timestamptz '10000-01-01 00:00:00+00'`
    case 'decimal':
      return sql`${value} <> 'NaN'::numeric`
    case 'list':
      // What a list does not have: more dimensions than one, and another first number than 1.
      return sql`(cardinality(${value}) = 0 or (array_ndims(${value}) = 1 and array_lower(${value}, 1) = 1))`
  }
}

function outOfRange(cells: readonly ExportedCell[]): RawBuilder<unknown> {
  const limited = cells.flatMap(({ name, range }) => (range === undefined ? [] : [{ name, range }]))
  if (limited.length === 0) return sql`null::text`
  const isOutside = ({ name, range }: (typeof limited)[number]) => sql`not (${isWithin(name, range)})`
  const found = limited.map(
    (cell) => sql`(${sql.lit(cell.name)}, case when ${isOutside(cell)} then ${column(cell.name)}::text end)`,
  )
  return sql`case
    when ${sql.join(limited.map(isOutside), sql` or `)}
    then (
      select json_object_agg(found.name, found.value)::text
      from (values ${sql.join(found, sql`, `)}) found (name, value)
      where found.value is not null
    )
  end`
}
