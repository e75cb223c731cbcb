import { randomUUID } from 'node:crypto'
import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

import { localTime } from './log-line.js'

export interface DailyFileOptions {
  /** Created when the first line is written, closed to strangers, as the files are. */
  readonly directory: string
  /** Files of days that lie further back are removed when a day's file is begun; 0 keeps them all. */
  readonly retentionDays: number
  /** Told what could not be done, at most once a day for each kind of trouble. */
  readonly complain: (message: string) => void
}

const latest = 'etl_latest.log'

/**
 * A function that appends lines to `etl_YYYYMMDD.log`, the day being that of `time` on the host's clock, and that lets the symlink
 * `etl_latest.log` follow.
 *
 * A line is handed to the operating system when the call returns, so a crash of the process loses none. Any number of processes may
 * share a folder on a local disk: each line is one append, and the link is replaced atomically. It never throws: the next line is
 * tried anew, whatever happened to the one before.
 */
export function createDailyFile({ directory, retentionDays, complain }: DailyFileOptions) {
  let begun: string | undefined
  const complaints = new Set<string>()

  return (line: string, time: Date): void => {
    const name = fileName(time)
    const attempt = (task: string, work: () => void): boolean => {
      const error = failureOf(work)
      const complaint = `${task} ${name}`
      if (error !== undefined && !complaints.has(complaint)) {
        complaints.add(complaint)
        complain(`Could not ${task}: ${error}. The run goes on; mend the folder to have it again.`)
      }
      return error === undefined
    }

    const written = attempt('write the log file', () => append(directory, name, line))
    if (!written || name === begun) return
    begun = name
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
  // Opened for each line, since a file or folder that somebody removed would otherwise swallow the rest of the day.
  mkdirSync(directory, { recursive: true, mode: 0o750 })
  appendFileSync(join(directory, name), `${line}\n`, { mode: 0o640 })
}

function pointLatest(directory: string, name: string): void {
  const link = join(directory, latest)
  // Process ids repeat between containers that share a folder.
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
    // Forced, because another process may be removing the same ones.
    if (day && day < oldest) rmSync(join(directory, entry.name), { force: true })
  }
}

/** Undefined unless it is exactly a name that this module gives, of a day that exists. */
function dayOf(name: string): Date | undefined {
  const [, year, month, day] = /^etl_(\d{4})(\d\d)(\d\d)\.log$/.exec(name) ?? []
  const date = new Date(Number(year), Number(month) - 1, Number(day))
  return !Number.isNaN(date.getTime()) && fileName(date) === name ? date : undefined
}
