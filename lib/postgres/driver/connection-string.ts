import type { Address } from './driver-error.js'

/** Stands in for the host where there is none, as a URL with a user needs one. */
const noHost = '-no-host-'

/**
 * A connection string as pg reads it; undefined where pg would not. Unlike a URL it may have a user and no host, which then is the parameter
 * `host`: `postgres://user@/database?host=/var/run/postgresql`.
 */
function parse(text: string): URL | undefined {
  if (URL.canParse(text)) return new URL(text)
  const completed = text.replace('@/', `@${noHost}/`)
  const url = URL.canParse(completed) ? new URL(completed) : undefined
  return url?.searchParams.has('host') ? url : undefined
}

/** Whether this is the URL of a PostgreSQL database. */
export function isConnectionString(text: string): boolean {
  return /^(postgres(ql)?:\/\/|socket:)/.test(text) && parse(text) !== undefined
}

/** The server and the database that a connection string names. A folder as the host means the Unix socket in it. */
export function addressIn(text: string): Address {
  const [folder, name] = text.startsWith('/') ? text.split(' ') : []
  if (folder !== undefined) return { host: folder, port: 5432, database: name ?? '' }
  const url = parse(text)
  const parameter = (of: string) => url?.searchParams.get(of) ?? ''
  if (url?.protocol === 'socket:') {
    return { host: decoded(url.pathname), port: Number(parameter('port') || 5432), database: parameter('db') }
  }
  const hostname = url?.hostname === noHost ? '' : decoded(url?.hostname ?? '')
  return {
    host: parameter('host') || hostname || 'localhost',
    port: Number(parameter('port') || url?.port || 5432),
    database: decoded(url?.pathname.slice(1) ?? ''),
  }
}

/** A parameter of a connection string, such as `sslmode`. */
export function parameterIn(text: string, name: string): string | undefined {
  return parse(text)?.searchParams.get(name) ?? undefined
}

/** The password of a connection string, as it is there; undefined for none. */
export function encodedPasswordIn(text: string): string | undefined {
  const url = parse(text)
  return url?.password || url?.searchParams.get('password') || undefined
}

/** Texts that are not encoded stay as they are. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
