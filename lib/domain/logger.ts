/** Facts beside a log message: short, structured, and never a secret or personal data. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>

/** What the library asks of a logger: tslog, pino and console fit behind four lines. Without one, nothing is logged. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** Logs nothing: for what cannot do without a logger. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
