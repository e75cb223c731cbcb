import { SyncError, type ErrorCode } from '../../domain/errors.js'
import { migrateCommand } from '../../domain/migrate-command.js'
import { notTakenOver } from './not-taken-over.js'
import { wordsOf } from './server-words.js'
import type { Place, Side } from './session.js'
import { adviceOn } from './sqlstate-advice.js'
import { tlsRemedy } from './tls-advice.js'
import { wireFailure } from './wire-failure.js'
import { WireError } from './wire-error.js'

/** Where a connection leads, for messages; never with user or password. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly database: string
}

/** What was tried when a connection failed. */
export interface Attempt extends Address {
  /** Whether there was any password to send; undefined where that is not known. */
  readonly hasPassword?: boolean
  /** As the connection string says. */
  readonly sslMode?: string | undefined
}

/** The facts of a driver's error, without the values that a server can put into its words. */
interface Facts {
  readonly sqlState: string | null
  /** Node's name for an error of the network, such as ECONNRESET. */
  readonly socketError: string | null
  readonly said: string
}

/** The error of a failed connect, with its own code and remedy. */
export function connectError(side: Side, error: unknown, address: Attempt): SyncError {
  if (error instanceof WireError) return wireFailure(side, error, address)
  const { sqlState, socketError, said } = factsOf(error)
  const where = placeText(address)
  const details = {
    sqlState,
    socketError,
    host: address.host,
    port: address.port,
    database: address.database,
  }
  const of = (code: ErrorCode, message: string, remedy: string) =>
    new SyncError(code, message, { remedy, details, cause: error })
  const codes = codesOf(side)
  if (sqlState === '3D000' || (sqlState === '08P01' && /no such database/.test(said))) {
    return of(
      codes.database,
      `The ${side} server ${where} has no database ${address.database}.`,
      'Create it, or correct the name.',
    )
  }
  if (isMissingPassword(said) || (sqlState === '28P01' && address.hasPassword === false)) {
    const variable = side === 'source' ? 'SOURCE_DB_PASSWORD' : 'LOCAL_DB_PASSWORD'
    return of(
      codes.auth,
      `The ${side} server ${where} asks for a password, and none is set.`,
      `Set ${variable}, or put the password into the connection string or into ~/.pgpass.`,
    )
  }
  if (sqlState?.startsWith('28')) {
    return of(
      codes.auth,
      `The ${side} server ${where} rejected the login: ${said}.`,
      'Check user, password and pg_hba.conf.',
    )
  }
  if (sqlState?.startsWith('42501')) {
    return of(
      codes.forbidden,
      `The ${side} database ${address.database} may not be used: ${said}.`,
      'Grant connect on it.',
    )
  }
  if (isPooler(sqlState, said, /^unsupported startup parameter/)) {
    return of(
      codes.pooled,
      `The pooler in front of the ${side} at ${where} rejected a parameter of the connection: ${said}.`,
      'Remove it from the connection, or let the pooler ignore it, as with ignore_startup_parameters of PgBouncer.',
    )
  }
  const remedy = tlsRemedy(error instanceof AggregateError ? error.errors[0] : error, address.sslMode)
  if (remedy)
    return of(codes.tls, `There is no trusted connection to the ${side} server ${where}: ${said}.`, remedy)
  return of(
    codes.unreachable,
    `The ${side} server ${where} cannot be reached: ${said}.`,
    (sqlState && connectRemedies[sqlState]) ?? unreachableRemedy(address),
  )
}

/** Host and port as an address is written; a folder holds a Unix socket. */
function placeText({ host, port }: Address): string {
  if (host.startsWith('/')) return `${host}/.s.PGSQL.${port}`
  return /^[^[].*:/.test(host) ? `[${host}]:${port}` : `${host}:${port}`
}

function unreachableRemedy({ host }: Address): string {
  if (host.startsWith('/'))
    return 'Check that the server has its Unix socket there, by its settings unix_socket_directories and port.'
  return 'Check host, port, firewall and TLS.'
}

/** The error of a configuration that pg rejects before it connects, such as one that names a certificate that does not exist. */
export function configurationError(side: Side, error: unknown): SyncError {
  const path: unknown = error instanceof Error ? Reflect.get(error, 'path') : undefined
  const what =
    typeof path === 'string' ? `names the file ${path}, which cannot be read` : 'is not one that pg accepts'
  return new SyncError('CONFIG_INVALID', `The connection of the ${side} ${what}.`, {
    remedy: 'Correct it, or the rights on the file.',
    details: { side },
    cause: error,
  })
}

const connectRemedies: Readonly<Record<string, string>> = {
  53300: 'Close other connections to it, or raise max_connections; then run it again.',
  '57P03': 'It is starting or stopping; run it again.',
}

const forbiddenRemedy =
  'Grant what is missing; the README lists the rights. Under row security, a policy has to let the role see and write every row; chatwoot-sync doctor finds both.'

/** The error of a failed statement. A SyncError stays what it is. */
export function statementError({ side, schema }: Place, error: unknown): SyncError {
  if (error instanceof SyncError) return error
  if (error instanceof WireError) return wireFailure(side, error)
  const { sqlState, socketError, said } = factsOf(error)
  const codes = codesOf(side)
  const of = (code: ErrorCode, remedy: string) =>
    new SyncError(code, `The ${side} said: ${said}.`, {
      remedy,
      details: { sqlState, socketError },
      cause: error,
    })
  // Neither the server's nor the network's: it would be tried again for nothing.
  if (sqlState === null && isBug(error)) return of('INTERNAL', 'Please report it.')
  if (isPooler(sqlState, said, /statement pooling mode$/)) {
    return of(codes.pooled, "Let it pool by transaction or session, or use the server's own address.")
  }
  if (isEndOfConnection(sqlState, error))
    return of(codes.unreachable, 'Run it again; what was committed stays.')
  switch (sqlState) {
    case '42501':
      return of(codes.forbidden, forbiddenRemedy)
    case '42P01':
    case '3F000':
      return of(
        codes.relation,
        side === 'source'
          ? 'Correct the name, or connect to the Chatwoot database.'
          : `Run ${migrateCommand(schema)}.`,
      )
    case '42703':
      if (side === 'source') return of(codes.column, 'Correct the name of the column.')
      return (
        notTakenOver(said, schema, error) ??
        of(codes.column, `Run ${migrateCommand(schema)}, or add the column.`)
      )
    case '42P10':
      return of(
        'TARGET_COLUMN_MISSING',
        'Create a unique index on the key of the target table; no column that is loaded may be generated there.',
      )
    case '21000':
      return of('KEY_NOT_UNIQUE', 'Use a relation with one row for each key.')
    case '57014':
    case '55P03':
      return of(codes.timedOut, 'Raise statementTimeout, or look for what blocks the statement.')
    case '53100':
      return of(codes.diskFull, 'Make room on its disk; what was committed stays, the next run continues.')
    case '25006':
      return of(codes.readOnly, 'Connect to the primary, or look at default_transaction_read_only.')
    case null:
    case '57P01':
    case '57P02':
    case '57P03':
    case '57P05':
      return of(codes.unreachable, 'Run it again; what was committed stays.')
    default:
      return failedStatement({ side, schema }, error, { sqlState, socketError, said })
  }
}

function failedStatement(
  { side, schema }: Place,
  cause: unknown,
  { sqlState, socketError, said }: Facts & { readonly sqlState: string },
): SyncError {
  const advice = adviceOn({ side, schema }, sqlState)
  const message = `The ${side} said: ${said}.`
  return new SyncError(codesOf(side).failed, advice ? `${advice.what} ${message}` : message, {
    remedy: advice?.remedy ?? remedyOf(sqlState),
    details: { sqlState, socketError },
    cause,
  })
}

function codesOf(side: Side) {
  return side === 'source' ? sourceCodes : targetCodes
}

const sourceCodes = {
  unreachable: 'SOURCE_UNREACHABLE',
  auth: 'SOURCE_AUTH_FAILED',
  tls: 'SOURCE_TLS_FAILED',
  database: 'SOURCE_DATABASE_MISSING',
  forbidden: 'SOURCE_FORBIDDEN',
  relation: 'RELATION_MISSING',
  column: 'COLUMN_MISSING',
  timedOut: 'SOURCE_TIMED_OUT',
  diskFull: 'SOURCE_FAILED',
  readOnly: 'SOURCE_FAILED',
  pooled: 'SOURCE_POOLED',
  failed: 'SOURCE_FAILED',
} as const

const targetCodes = {
  unreachable: 'TARGET_UNREACHABLE',
  auth: 'TARGET_AUTH_FAILED',
  tls: 'TARGET_TLS_FAILED',
  database: 'TARGET_DATABASE_MISSING',
  forbidden: 'TARGET_FORBIDDEN',
  relation: 'TARGET_NOT_MIGRATED',
  column: 'TARGET_COLUMN_MISSING',
  timedOut: 'TARGET_TIMED_OUT',
  diskFull: 'TARGET_DISK_FULL',
  readOnly: 'TARGET_READ_ONLY',
  pooled: 'TARGET_POOLED',
  failed: 'TARGET_FAILED',
} as const

function remedyOf(sqlState: string): string {
  if (/^(08|40|53|57P)/.test(sqlState)) return 'This passes by itself as a rule: run it again.'
  return `Run chatwoot-sync doctor with the same options. If it finds nothing, look at the server's log, which has the statement, and report it with SQLSTATE ${sqlState}.`
}

/** `SQLSTATE` of a driver's error, or null for one of the wire. None begins with E, as EPIPE does. */
export function sqlStateOf(error: unknown): string | null {
  const code = codeOf(error)
  return /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code) ? code : null
}

function codeOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : ''
}

/** Poolers report by a protocol error what they do not support; only its words distinguish it from a connection that broke behind them. */
function isPooler(sqlState: string | null, said: string, words: RegExp): boolean {
  return sqlState === '08P01' && words.test(said)
}

/** As a pooler reports that it has lost its server, or gets none. */
function isEndOfConnection(sqlState: string | null, error: unknown): boolean {
  return sqlState?.startsWith('08') === true && Reflect.get(Object(error), 'severity') === 'FATAL'
}

function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError
}

function factsOf(error: unknown): Facts {
  const sqlState = sqlStateOf(error)
  if (!(error instanceof Error)) {
    return { sqlState, socketError: null, said: 'something that is not an error' }
  }
  // Of two addresses behind one name, Node reports each in an AggregateError without a message of its own.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const message = first instanceof Error ? first.message : error.message
  const said = wordsOf(error, message, sqlState)
  const socketError = /^E[A-Z_]+$/.exec(codeOf(error) || codeOf(first))?.[0] ?? null
  return { sqlState, socketError, said: said.replace(/[.\s]+$/, '') }
}

function isMissingPassword(said: string): boolean {
  return /password must be a string|client password/i.test(said)
}

/** The error for a connection to the target that leads through a pooler, which may hand it to another client while it holds the lock. */
export function targetPooled(cause?: unknown): SyncError {
  return new SyncError(
    'TARGET_POOLED',
    'The connection to the target goes through a pooler, which may hand the connection that holds the lock to another client.',
    {
      remedy:
        "Connect to the server's own address; if the pooler is in session mode, add pooler=session to the connection string.",
      cause,
    },
  )
}
