import { resolve } from 'node:path'
import type { Writable } from 'node:stream'

import type { Logger as TsLogger } from 'tslog'

import { SyncError } from '../../lib/domain/errors.js'
import type { LogFields, Logger } from '../../lib/domain/logger.js'
import { createRedactor } from '../../lib/domain/redact.js'
import { openConsoleSink, type ConsoleSink } from './console-sink.js'
import { createDailyFile } from './daily-file.js'
import { consoleLine, jsonLine, type LogEntry } from './log-line.js'

export interface LoggerOptions {
  /** Folder of the daily files, created if missing. Default: none, so that nothing is written to disk. */
  directory?: string
  /** The lowest level that is written. Default `info`: a few lines per run. */
  level?: keyof Logger
  /** Stream for readable lines. Default `process.stderr`, which leaves standard output to the result. */
  console?: 'off' | Writable
  /** Whole days for which a daily file is kept after its own day. Default 30, a month to look back; 0 keeps all. */
  retentionDays?: number
  /** Passwords and tokens to redact anywhere, besides what `redact` recognises by its form. Default: none. */
  secrets?: readonly string[]
  /** For tests. Default: the host's clock. */
  now?: () => Date
}

export interface OpenLogger {
  readonly logger: Logger
  /** Resolves when the console has accepted every line so far. The file needs no flush. */
  readonly flush: () => Promise<void>
  /** Flushes and releases the console; what is logged later is dropped. Closing again does nothing. */
  readonly close: () => Promise<void>
}

/**
 * A logger on tslog that writes readable lines to the console and, with a `directory`, JSON lines to `etl_YYYYMMDD.log`, to which
 * the symlink `etl_latest.log` points.
 *
 * Every line is redacted. Logging never throws and never fails a run: a file that cannot be written is reported once a day on the console, or
 * as a process warning `ChatwootSyncLogWarning` if the console is off. Rejects with CONFIG_INVALID for invalid options; tslog is loaded by the
 * first call.
 *
 * @example
 * const { logger, close } = await createLogger({ directory: 'logs/etl', secrets: [password] })
 * logger.info('Batch loaded', { rows: 1000 })
 * await close()
 */
export async function createLogger(options: LoggerOptions = {}): Promise<OpenLogger> {
  const { directory, level, console: stream, retentionDays, secrets, now } = validated(options)
  const tslog = await import('tslog')
  const log = new tslog.Logger<LogEntry>({
    type: 'hidden',
    minLevel: tslogLevels[level],
    stack: { capture: 'off' },
  })
  const redact = createRedactor(secrets)
  const sink = stream === 'off' ? undefined : openConsoleSink(stream)
  const detach = sink ? [attachConsole(log, sink, redact)] : []
  if (directory !== undefined) {
    const onFailure = (message: string) => {
      if (sink) sink.write(consoleLine({ time: now(), level: 'warn', message, fields: {} }, redact))
      else process.emitWarning(redact(message), 'ChatwootSyncLogWarning')
    }
    const append = createDailyFile({ directory: resolve(directory), retentionDays, onFailure })
    detach.push(attachFile(log, append, redact))
  }
  return {
    logger: onTslog(log, now),
    flush: () => log.flush(),
    close: async () => {
      for (const end of detach) end()
      await sink?.close()
    },
  }
}

const tslogLevels = { debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR' } as const

function validated({
  directory,
  level = 'info',
   
  console = process.stderr,
  retentionDays = 30,
  secrets = [],
  now = () => new Date(),
}: LoggerOptions) {
  if (!Object.hasOwn(tslogLevels, level)) {
    throw invalid(`The log level is ${level}.`, `Use one of ${Object.keys(tslogLevels).join(', ')}.`)
  }
  if (!Number.isSafeInteger(retentionDays) || retentionDays < 0) {
    throw invalid(`The log retention is ${retentionDays} days.`, 'Use a whole number, or 0 to keep all files.')
  }
  if (directory === '') {
    throw invalid('The log directory is empty.', 'Name a folder, or leave it out to write no files.')
  }
  return { directory, level, console, retentionDays, secrets, now }
}

function invalid(message: string, remedy: string): SyncError {
  return new SyncError('CONFIG_INVALID', message, { remedy })
}

type Redact = ReturnType<typeof createRedactor>

function attachConsole(log: TsLogger<LogEntry>, sink: ConsoleSink, redact: Redact): () => void {
  return log.attachTransport({
    name: 'console',
    format: (record) => consoleLine(record, redact),
    write: (_record, line) => sink.write(line),
    flush: () => sink.flush(),
  })
}

function attachFile(
  log: TsLogger<LogEntry>,
  append: ReturnType<typeof createDailyFile>,
  redact: Redact,
): () => void {
  return log.attachTransport({
    name: 'daily file',
    format: (record) => jsonLine(record, redact),
    write: (record, line) => append(line, record.time),
  })
}

function onTslog(log: TsLogger<LogEntry>, now: () => Date): Logger {
  // As one object, because tslog would otherwise mix the fields with its own.
  const entry = (level: keyof Logger, message: string, fields: LogFields = {}): LogEntry => ({
    time: now(),
    level,
    message,
    fields,
  })
  return {
    debug: (message, fields) => void log.debug(entry('debug', message, fields)),
    info: (message, fields) => void log.info(entry('info', message, fields)),
    warn: (message, fields) => void log.warn(entry('warn', message, fields)),
    error: (message, fields) => void log.error(entry('error', message, fields)),
  }
}
