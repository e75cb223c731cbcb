import { randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

import { localTime } from './log-line.js'

export interface DailyFileOptions {
  /** Created with the first line; others can neither read it nor the files. */
  readonly directory: string
  /** Older files are removed when a new day's file is created; 0 keeps them all. */
  readonly retentionDays: number
  /** Called with what failed, at most once a day for each kind of failure. */
  readonly onFailure: (message: string) => void
}

const latest = 'etl_latest.log'

/**
 * A function that appends lines to `etl_YYYYMMDD.log`, by the day of `time` in the host's time zone, and keeps the symlink `etl_latest.log`
 * pointing to that file.
 *
 * A line has been handed to the operating system when the call returns, so a crash of the process loses none. Any number of processes may
 * share a folder on a local disk: each line is one append, and the link is replaced atomically. It never throws, and a failure does not keep
 * it from trying the next line.
 */
export function createDailyFile({ directory, retentionDays, onFailure }: DailyFileOptions) {
  let current: string | undefined
  const reported = new Set<string>()

  return (line: string, time: Date): void => {
    const name = fileName(time)
    const attempt = (task: string, work: () => void): boolean => {
      const error = failureOf(work)
      const failure = `${task} ${name}`
      if (error !== undefined && !reported.has(failure)) {
        reported.add(failure)
        onFailure(`Could not ${task}: ${error}. The run continues; fix the log folder.`)
      }
      return error === undefined
    }

    const written = attempt('write the log file', () => append(directory, name, line))
    if (!written || name === current) return
    current = name
    attempt(`point ${latest} to the log file`, () => pointLatest(directory, name))
    if (retentionDays > 0) attempt('remove old log files', () => removeOld(directory, retentionDays, time))
  }
}

function fileName(time: Date): string {
  return `etl_${localTime(time).slice(0, 10).replaceAll('-', '')}.log`
}

function failureOf(work: () => void): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function append(directory: string, name: string, line: string): void {
  // Opened for each line, because lines to a file that somebody has removed would be lost.
  mkdirSync(directory, { recursive: true, mode: 0o750 })
  const file = openSync(join(directory, name), appending, 0o640)
  try {
    requirePlain(file)
    const bytes = Buffer.from(`${line}\n`)
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
  } finally {
    closeSync(file)
  }
}

/** Who can write in the folder could have put a link to another file there, or a pipe at which opening it would wait for ever. */
const appending =
  constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

function requirePlain(file: number): void {
  const found = fstatSync(file)
  if (!found.isFile()) throw new Error('it is not a file')
  if (found.nlink > 1) throw new Error('it is a link to another file')
}

function pointLatest(directory: string, name: string): void {
  const link = join(directory, latest)
  // A process id would not be unique: containers that share a folder have the same ones.
  const prepared = `${link}.${randomUUID()}`
  symlinkSync(name, prepared)
  try {
    renameSync(prepared, link)
  } catch (error) {
    rmSync(prepared, { force: true })
    throw error
  }
}

function removeOld(directory: string, retentionDays: number, now: Date): void {
  const oldest = new Date(now.getFullYear(), now.getMonth(), now.getDate() - retentionDays)
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const day = entry.isFile() ? dayOf(entry.name) : undefined
    // With force, because another process may be removing the same files.
    if (day && day < oldest) rmSync(join(directory, entry.name), { force: true })
  }
}

/** Undefined unless it is exactly a name that `fileName` returns, of a day that exists. */
function dayOf(name: string): Date | undefined {
  const [, year, month, day] = /^etl_(\d{4})(\d\d)(\d\d)\.log$/.exec(name) ?? []
  const date = new Date(Number(year), Number(month) - 1, Number(day))
  return !Number.isNaN(date.getTime()) && fileName(date) === name ? date : undefined
}
