import { redact } from '../../domain/redact.js'

/** Characters: a server may send any number of them. */
const longestWords = 500

/** What a message may say of an error: its words where they hold nothing but names, else its SQLSTATE and where it happened. */
export function wordsOf(error: Error, message: string, sqlState: string | null): string {
  const isPublic = sqlState === null ? !isOfServer(error) : mayBeQuoted(sqlState, error)
  if (isPublic) return redact(message).slice(0, longestWords)
  return withheldWords(sqlState, placesOf(error))
}

/** What is said instead of words that can quote a value. */
export function withheldWords(sqlState: string | null, places: readonly string[] = []): string {
  const what = /^2[23]/.test(sqlState ?? '')
    ? 'a value did not fit'
    : 'an error whose words can quote a value'
  return `${what} (${[`SQLSTATE ${sqlState ?? 'unknown'}`, ...places].join(', ')})`
}

/**
 * Errors whose words PostgreSQL itself makes of names, types and settings. In those of any other a function, a trigger or a cast may quote
 * what a person wrote: they stay in the log of the server.
 */
function mayBeQuoted(sqlState: string, error: Error): boolean {
  // What `raise` says under whatever SQLSTATE it chose is a text of the function's author.
  if (Reflect.get(error, 'routine') === 'exec_stmt_raise') return false
  return isQuotable(sqlState)
}

/** Whether the words of PostgreSQL under this SQLSTATE hold nothing but names, types and settings. */
export const isQuotable = (sqlState: string): boolean => quotable.test(sqlState)

const quotable = new RegExp(
  `^(?:${[
    '08|28|40|53|57|25', // connections, logins, conflicts, resources, the operator, the state of the transaction
    '3D000|3F000|42501|42P01|42P02|42P07|42P10|42701|42703|42704|42725|42804|42809|42846|42883', // names, types, rights
    '0A000|21000|428C9|55000|55006|55P03|55P04|58030', // what a statement or an object cannot do now
  ].join('|')})`,
)

/** Whether the error came from a server, though without a SQLSTATE, as only a broken one sends it. */
function isOfServer(error: Error): boolean {
  return typeof Reflect.get(error, 'severity') === 'string' || error.name === 'error'
}

/** The names that the server sent with an error: none of them is a value. */
function placesOf(error: Error): string[] {
  const place = ['table', 'column', 'constraint'].flatMap((name) => {
    const value: unknown = Reflect.get(error, name)
    return typeof value === 'string' ? [`${name} ${value.slice(0, longestName)}`] : []
  })
  return [...place, ...functionOf(error)]
}

/** Bytes of a name in PostgreSQL. */
const longestName = 63

/** The function in which it happened, and its line: `PL/pgSQL function check_name() line 3 at RAISE`, in any language. */
function functionOf(error: Error): string[] {
  const context: unknown = Reflect.get(error, 'where')
  const text = typeof context === 'string' ? context : ''
  const [, name, line] =
    /^[^\n"(]*PL\/pgSQL[^\n"(]*?([\w.]{1,127})\([^()\n]*\)[^\n\d"]*(\d+)/m.exec(text) ?? []
  return name === undefined ? [] : [`function ${name}, line ${line}`]
}
