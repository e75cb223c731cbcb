import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Enough for a screenful of long lines. */
const tailBytes = 8192

/** The last whole lines of a log file, at most 8 KB; empty when there is no file. */
export function lastLines(path: string): string {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    // The data directory, and the log with it, may already be removed.
    return ''
  }
  try {
    const start = Math.max(0, fstatSync(file).size - tailBytes)
    const buffer = Buffer.alloc(tailBytes)
    const tail = buffer.toString('utf8', 0, readSync(file, buffer, 0, tailBytes, start))
    return (start > 0 ? tail.slice(tail.indexOf('\n') + 1) : tail).trimEnd()
  } finally {
    closeSync(file)
  }
}
