import type { LogFields, Logger } from '../../lib/domain/logger.js'
import { printable } from '../../lib/domain/printable.js'

/** What was logged. */
export interface LogEntry {
  readonly time: Date
  readonly level: keyof Logger
  readonly message: string
  readonly fields: LogFields
}

type Redact = (text: string) => string

/**
 * The entry as one flat JSON object without a line break: `time`, `level`, `message`, then the fields; a field with one of these names gets a
 * `_` appended. It is redacted, and always valid JSON: where the redaction broke the syntax, such as within a number, the whole text becomes
 * the `message`. A value that JSON cannot express is replaced by a note; it never throws.
 */
export function jsonLine({ time, level, message, fields }: LogEntry, redact: Redact): string {
  const at = localTime(time)
  const head = Object.entries({ time: at, level, message }).map(([name, value]) => [name, asJson(value)])
  const members = [...head, ...withoutClashes(shownFields(fields))]
  const line = `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
  const hidden = redact(line)
  if (hidden === line || isJson(hidden)) return printable(hidden)
  return printable(JSON.stringify({ time: redact(at), level, message: hidden }))
}

/**
 * The entry for people: `12:00:00 WARN  Message name="a b" rows=3`, redacted. Unprintable characters are escaped, so that no message can
 * pass for another line or move the cursor.
 */
export function consoleLine({ time, level, message, fields }: LogEntry, redact: Redact): string {
  const words = shownFields(fields).map(([name, json]) => `${bare(JSON.stringify(name))}=${bare(json)}`)
  const clock = localTime(time).slice(11, 19)
  // Redacted before the escaping, which could hide a secret from it.
  return printable(redact([clock, level.toUpperCase().padEnd(5), message, ...words].join(' ')))
}

/** ISO 8601 in the host's time zone, with milliseconds and offset: `2026-11-24T12:00:00.000-03:00`. */
export function localTime(time: Date): string {
  const offset = -time.getTimezoneOffset()
  const minutes = Math.abs(offset)
  const pad = (part: number) => String(Math.floor(part)).padStart(2, '0')
  const local = new Date(time.getTime() + offset * 60_000).toISOString().slice(0, -1)
  return `${local}${offset < 0 ? '-' : '+'}${pad(minutes / 60)}:${pad(minutes % 60)}`
}

type Member = readonly [name: string, json: string]

function shownFields(fields: LogFields): Member[] {
  return Object.keys(fields).flatMap((name): Member[] => {
    const json = fieldAsJson(fields, name)
    return json === undefined ? [] : [[name, json]]
  })
}

function fieldAsJson(fields: LogFields, name: string): string | undefined {
  try {
    return asJson(fields[name])
  } catch {
    // A circular value or a getter that throws, which the types do not allow: the rest of the line is still logged.
    return '"[cannot be shown]"'
  }
}

/** Undefined for values that JSON leaves out. */
function asJson(value: unknown): string | undefined {
  return JSON.stringify(value, (_name, part: unknown) => {
    const unknownToJson =
      typeof part === 'bigint' || part instanceof Error || (typeof part === 'number' && !Number.isFinite(part))
    return unknownToJson ? String(part) : part
  })
}

function withoutClashes(members: readonly Member[]): Member[] {
  const taken = new Set(['time', 'level', 'message'])
  return members.map(([name, json]) => {
    let free = name
    while (taken.has(free)) free += '_'
    taken.add(free)
    return [free, json]
  })
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A JSON string without its quotes if it is one plain word. */
function bare(json: string): string {
  return json.replace(/^"([\w.:/-]+)"$/, '$1')
}
