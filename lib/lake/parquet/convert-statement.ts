import { outOfRangeColumn, type LakeColumn } from './lake-columns.js'
import type { SpooledRows } from './spool-csv.js'

const mebibyte = 1024 * 1024

/** What DuckDB may use, by how large the rows are. */
export function settingsFor({ longestRow }: Pick<SpooledRows, 'longestRow'>): readonly string[] {
  // The row in the buffer of the CSV, in a vector, and in a page of Parquet, before and after it is compressed.
  const megabytes = 192 + Math.ceil((longestRow / mebibyte) * 8)
  return [`set memory_limit = '${megabytes}MiB'`, `set TimeZone = 'UTC'`]
}

/** Writes the rows of a CSV as Parquet, and returns one row about the file. */
export function convertStatement(
  { files, rows, bytes, longestRow }: Pick<SpooledRows, 'files' | 'rows' | 'bytes' | 'longestRow'>,
  columns: readonly LakeColumn[],
  file: string,
): string {
  const limited = columns.some(({ cell }) => cell.range !== undefined)
  const all = [...columns, ...(limited ? [textColumn(outOfRangeColumn)] : [])]
  return `copy (
  select
    ${all.map(selected).join(',\n    ')}
  from read_csv(
    [${files.map((csv) => literal(withoutGlob(csv))).join(', ')}],
    columns = {${all.map(({ name, isList, duckType }) => `${literal(name)}: '${isList ? 'VARCHAR' : duckType}'`).join(', ')}},
    ${readingOptions(longestRow).join(',\n    ')}
  )
) to ${literal(file)} (
  format parquet,
  compression zstd,
  row_group_size ${rowsOfGroup(rows, bytes)},
  row_group_size_bytes '${groupBytes}B',
  use_tmp_file false,
  return_stats
)`
}

/** Writes lines of JSON as Parquet. */
export function jsonStatement(
  lines: string,
  columns: Readonly<Record<string, string>>,
  file: string,
): string {
  const types = Object.entries(columns).map(([name, type]) => `${literal(name)}: ${literal(type)}`)
  return `copy (
  select *
  from read_json(
    ${literal(withoutGlob(lines))},
    format = 'newline_delimited',
    columns = {${types.join(', ')}},
    maximum_object_size = ${64 * mebibyte}
  )
) to ${literal(file)} (
  format parquet,
  compression zstd,
  use_tmp_file false
)`
}

/**
 * Nothing is guessed. Of one file DuckDB keeps all that it has read, where texts are quoted, until it is at its end, so the rows have to come
 * in parts. The buffer would be 16 times as large as the longest line, which is too much where that is large. Texts with line ends in quotes
 * are read by one thread only, as several would have to guess where a line begins.
 */
function readingOptions(longestRow: number): string[] {
  const line = Math.max(2 * mebibyte, longestRow + 1)
  return [
    'auto_detect = false',
    'header = false',
    `delim = ','`,
    `quote = '"'`,
    `escape = '"'`,
    `new_line = '\\n'`,
    `nullstr = '\\N'`,
    // A text that reads as NULL does is quoted, and is a text.
    'allow_quoted_nulls = false',
    'parallel = false',
    `max_line_size = ${line}`,
    `buffer_size = ${2 * line}`,
  ]
}

/** Of values, before they are compressed: what is in memory at once. */
const groupBytes = 16 * mebibyte

/** DuckDB makes groups of whole vectors of 2,048 rows. */
function rowsOfGroup(rows: number, bytes: number): number {
  const mean = bytes / Math.max(rows, 1)
  const vectors = Math.floor(groupBytes / Math.max(mean, 1) / 2048)
  return Math.min(Math.max(vectors, 1), 60) * 2048
}

function selected({ name, isList, duckType }: Pick<LakeColumn, 'name' | 'isList' | 'duckType'>): string {
  return isList ? `from_json(${quoted(name)}, '["${duckType}"]') as ${quoted(name)}` : quoted(name)
}

const textColumn = (name: string) => ({ name, isList: false, duckType: 'VARCHAR' })

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`

/** A path in which nothing stands for other characters. */
const withoutGlob = (path: string) => path.replaceAll(/[*?[]/g, '[$&]')
