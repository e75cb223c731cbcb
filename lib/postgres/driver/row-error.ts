import { SyncError } from '../../domain/errors.js'

/** Why the target rejected a row; never with a value of it. */
export interface RowError {
  readonly sqlState: string
  readonly message: string
  /** Column of the target, where the server said so. */
  readonly column: string | null
}

/**
 * Why the target rejected a row, or undefined for a failure that is not about a row, such as a full disk, a lost connection or a missing
 * right: no row is rejected for that. A COPY names the column in its context, in the form `COPY table, line 1, column name: value`;
 * the name counts only if it is one of `columns`.
 */
export function rowErrorOf(
  error: unknown,
  columns: readonly { readonly name: string; readonly type: string }[],
): RowError | undefined {
  if (!(error instanceof SyncError) || !codes.has(error.code)) return undefined
  const sqlState = error.details['sqlState']
  if (typeof sqlState !== 'string') return undefined
  const field = (...names: readonly string[]) => fieldOf(error.cause, names)
  const copied = columnOf(field('where') ?? '')
  const isName = copied === null ? isAboutName(sqlState, field, columns) : isMissing(sqlState)
  const isFailed = error.code === 'TARGET_FAILED'
  const isFound =
    isName || (isFailed && (isAboutRow(sqlState) || isAboutText(sqlState, copied, field('routine'))))
  if (!isFound) return undefined
  const column = field('column', 'column_name') ?? copied
  const constraint = field('constraint', 'constraint_name')
  const words = rejectReasons[sqlState] ?? 'a value that the column cannot hold'
  return {
    sqlState,
    message: constraint === null ? words : `${words}: ${constraint}`,
    column: columns.some(({ name }) => name === column) ? column : null,
  }
}

/** The same where it was noticed here, and no server has said it. */
export const rowError = (sqlState: string, column: string | null): RowError => ({
  sqlState,
  message: rejectReasons[sqlState] ?? '',
  column,
})

/** Of a failed statement in the target, and of a table or schema that is missing there. */
const codes: ReadonlySet<string> = new Set(['TARGET_FAILED', 'TARGET_NOT_MIGRATED'])

/** Whether a table takes no COPY, though it may take inserts: as under row security. */
export function isNotAppendable(error: unknown): boolean {
  return error instanceof SyncError && error.details['sqlState'] === '0A000'
}

/** The expressions of an index may call what the role may not, or compare what has no operator; then its rows are found by trying. */
export function isAboutStatement(error: unknown): boolean {
  const sqlState = error instanceof SyncError ? error.details['sqlState'] : null
  return typeof sqlState === 'string' && /^(0A|42)/.test(sqlState)
}

/** Data exceptions, integrity, check options of views, limits of size and depth, and what a trigger of the table's owner raises. */
function isAboutRow(sqlState: string): boolean {
  return /^(22|23|44)/.test(sqlState) || ['54000', '54001', '54023', 'P0001'].includes(sqlState)
}

/** Whether a row was rejected because of another row of the table, so that it may pass together with that one. */
export function isAboutOtherRows(sqlState: string): boolean {
  return sqlState === '23505' || sqlState === '23P01'
}

/** SQLSTATE of rows that a trigger leaves out without an error: no data. */
export const leftOut = '02000'

/** SQLSTATE of rows whose key is that of another row of the source to the target: cardinality violation. */
export const keyCollapsed = '21000'

/** SQLSTATE of rows whose value the server would have taken but changed: data exception. */
export const valueChanged = '22000'

/** No such table, or no such schema. */
const isMissing = (sqlState: string) => sqlState === '42P01' || sqlState === '3F000'

/**
 * Some types read their texts as names of what the server has, and fail as a statement does that names something else; but the server shows
 * the place in a statement. Of a text that is no type's name it shows the place in that text, and says of what in its context.
 */
function isAboutName(
  sqlState: string,
  field: (name: string) => string | null,
  columns: readonly { readonly type: string }[],
): boolean {
  if (!columns.some(({ type }) => /^(reg|aclitem)/.test(type))) return false
  if (sqlState === '42601') return field('where') !== null
  return (
    field('position') === null &&
    (isMissing(sqlState) || /^(0A000|42(602|703|704|725|883|P02))$/.test(sqlState))
  )
}

/**
 * Some types read their texts as the server reads statements, and fail like these: jsonpath and tsquery with a syntax error, which is one of
 * the statement only where its own scanner has raised it.
 */
function isAboutText(sqlState: string, copied: string | null, routine: string | null): boolean {
  if (copied !== null) return /^(0A|3F|42)/.test(sqlState)
  return sqlState === '42601' && routine !== null && !routine.startsWith('scanner')
}

/** Why a row is rejected, by SQLSTATE: the server's own words quote the value, and come in its language. */
export const rejectReasons: Readonly<Record<string, string>> = {
  [leftOut]: 'a trigger of the table leaves it out, without an error',
  [keyCollapsed]: 'its key is another spelling of the key of another row',
  [valueChanged]: 'the column would hold another value than the source',
  '22001': 'a text is longer than the column allows',
  '22003': 'a number is out of the range of the column',
  '22007': 'a text is not a date or time',
  '22008': 'a date or time is out of range',
  '22021': 'a character that the encoding of the target does not have',
  '22030': 'a key occurs twice in one JSON object',
  '22032': 'a text is not valid JSON',
  '22P02': 'a text is not a value of the type of the column',
  '22P05': 'a character that the target cannot hold',
  '23502': 'a value is missing where the column needs one',
  '23503': 'a row that it refers to is missing',
  '23505': 'another row has the value already, which must be unique',
  '23514': 'a check constraint rejects it',
  '23P01': 'it conflicts with another row',
  '3F000': 'a name of what the target does not have',
  '42601': 'a text is not a value of the type of the column',
  '42602': 'a text is not a value of the type of the column',
  '42703': 'a name of what the target does not have',
  '42704': 'a name of what the target does not have',
  '42725': 'a name of more than one thing that the target has',
  '42883': 'a name of what the target does not have',
  '42P01': 'a name of what the target does not have',
  '42P02': 'a text is not a value of the type of the column',
  '44000': 'the view does not show such rows',
  '54000': 'it is larger than the server allows',
  '54001': 'it is nested deeper than the server allows',
  P0001: 'a trigger rejects it',
}

function fieldOf(cause: unknown, names: readonly string[]): string | null {
  for (const name of names) {
    const value: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, name) : undefined
    if (typeof value === 'string' && value !== '') return value
  }
  return null
}

/** In any language: the line of the context that begins with COPY, up to the value. */
function columnOf(context: string): string | null {
  return /^COPY [^,\n]+, \S+ \d+, \S+ ([^:\n]+)/m.exec(context)?.[1] ?? null
}
