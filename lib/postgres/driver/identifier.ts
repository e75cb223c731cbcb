/** What a terminal would act upon, or not show as it is: control characters, line separators, and what turns the direction of writing. */
const unprintable = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

/**
 * A name, behind that of its schema where there is one, for a statement that people copy: always quoted, so that it reads the same whatever
 * the name is, and with escapes that PostgreSQL understands for characters that no terminal prints. Statements that are run here go
 * through `sql.id`.
 */
export function identifier(...names: readonly string[]): string {
  return names.map(quoted).join('.')
}

function quoted(name: string): string {
  const text = name.replaceAll('"', '""')
  if (name.search(unprintable) < 0) return `"${text}"`
  const escaped = text.replaceAll('\\', '\\\\').replaceAll(unprintable, (char) => {
    return `\\${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  return `U&"${escaped}"`
}
