import { SyncError } from '../../lib/domain/errors.js'

export interface DotenvFile {
  /** The last value of each name; one that is last without `=` is left out. */
  readonly values: Readonly<Record<string, string>>
  /** Numbers of the lines that hold no setting, from 1; they are left out. */
  readonly unread: readonly number[]
}

/**
 * The settings in a text, by the rules of python-dotenv, so that an `.env` that worked there means the same here: a `#` begins a comment only
 * after a space, quotes keep everything between them, lines included, a backslash escapes within them, and `${NAME}` or `${NAME:-else}` stands
 * for an earlier setting unless `environment` has that name.
 */
export function parseDotenv(
  text: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): DotenvFile {
  const reader = readerOf(text.replaceAll(/\r\n?/g, '\n'))
  const values: Record<string, string> = {}
  const unread: number[] = []
  while (reader.skip(/\s*/y) && !reader.isAtEnd()) {
    const line = reader.line()
    const found = readSetting(reader)
    if (!found) {
      reader.skip(/[^\n]*\n?/y)
      unread.push(line)
    } else if (found.value === undefined) {
      Reflect.deleteProperty(values, found.name)
    } else {
      values[found.name] = expand(found.value, { ...values, ...environment })
    }
  }
  return { values, unread }
}

interface Reader {
  /** What the pattern, which is sticky, matches here, its first group where it has one; undefined without a match. */
  take(pattern: RegExp): string | undefined
  skip(pattern: RegExp): boolean
  peek(): string
  isAtEnd(): boolean
  line(): number
}

function readerOf(text: string): Reader {
  let place = 0
  const take = (pattern: RegExp) => {
    pattern.lastIndex = place
    const match = pattern.exec(text)
    if (!match) return undefined
    place += match[0].length
    return match[1] ?? match[0]
  }
  return {
    take,
    skip: (pattern) => take(pattern) !== undefined,
    peek: () => text.charAt(place),
    isAtEnd: () => place >= text.length,
    line: () => text.slice(0, place).split('\n').length,
  }
}

/** Undefined where the line is none; an empty name for a comment. */
function readSetting(reader: Reader): { readonly name: string; readonly value?: string } | undefined {
  reader.skip(/(?:export[^\S\n]+)?/y)
  const name = reader.peek() === '#' ? '' : reader.take(reader.peek() === "'" ? /'([^']+)'/y : /[^=#\s]+/y)
  if (name === undefined) return undefined
  reader.skip(/[^\S\n]*/y)
  const equal = reader.take(/=[^\S\n]*/y)
  const value = equal === undefined ? undefined : readValue(reader, equal.length > 1)
  if (equal !== undefined && value === undefined) return undefined
  reader.skip(/(?:[^\S\n]*#[^\n]*)?/y)
  if (!reader.skip(/[^\S\n]*(?:\n|$)/y)) return undefined
  return value === undefined ? { name } : { name, value }
}

/** What no quote of its newest release ends, as a password that ends in a backslash, is read as earlier ones did. */
function readValue(reader: Reader, isAfterSpace: boolean): string | undefined {
  if (reader.peek() === "'") {
    const quoted = reader.take(/'((?:\\.|[^'\\])*)'/sy) ?? reader.take(/'((?:\\'|[^'])*)'/y)
    return quoted?.replaceAll(/\\([\\'])/g, '$1')
  }
  if (reader.peek() === '"') {
    const quoted = reader.take(/"((?:\\.|[^"\\])*)"/sy) ?? reader.take(/"((?:\\"|[^"])*)"/y)
    return quoted?.replaceAll(/\\([\\'"abfnrtv])/g, (_, letter: string) => escapes[letter] ?? letter)
  }
  if (isAfterSpace && reader.peek() === '#') return ''
  return reader
    .take(/[^\n]*/y)
    ?.replace(/\s+#.*$/s, '')
    .trimEnd()
}

const escapes: Readonly<Record<string, string>> = {
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
}

function expand(value: string, known: Readonly<Record<string, string | undefined>>): string {
  return value.replaceAll(
    /\$\{([^}:]*)(?::-([^}]*))?\}/g,
    (_, name: string, otherwise = '') => known[name] ?? String(otherwise),
  )
}

/** A line that this parser, python-dotenv and systemd read as this value. Throws CONFIG_INVALID for one that no line can hold. */
export function dotenvLine(name: string, value: string): string {
  if (/^[\w@%+=:,./?&~!*()[\]-]*$/.test(value)) return `${name}=${value}`
  if (/\0|\$\{/.test(value)) {
    throw new SyncError(
      'CONFIG_INVALID',
      `The value of ${name} has a zero byte or \${, which no settings file can hold.`,
      {
        remedy: 'Change it.',
      },
    )
  }
  return `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`
}
