import { hexCode, unprintable } from '../../domain/printable.js'

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
  return `U&"${text.replaceAll('\\', '\\\\').replaceAll(unprintable, (char) => `\\${hexCode(char)}`)}"`
}
