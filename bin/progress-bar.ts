import type { WriteStream } from 'node:tty'

import type { Progress } from '../lib/index.js'
import { countText, durationText } from './number-text.js'

/** Where a run tells how far it is. */
export interface ProgressView {
  update(progress: Progress): void
  /** Leaves the screen as it was. */
  close(): void
}

const pause = 100
const eraseLine = '\r\x1b[K'

/** One line on a terminal that is drawn again at most ten times a second, and is gone after `close`. */
export function openProgressBar(terminal: WriteStream): ProgressView {
  const started = performance.now()
  let drawn = -pause
  return {
    update: (progress) => {
      const now = performance.now()
      if (now - drawn < pause) return
      drawn = now
      // The last column stays free: a full line would move the cursor to the next one.
      const line = barLine(progress, (now - started) / 1000, (terminal.columns || 80) - 1)
      terminal.write(`${eraseLine}${line}`)
    },
    close: () => {
      if (drawn >= 0) terminal.write(eraseLine)
    },
  }
}

const phases = {
  probe: 'Looking at the source',
  feeds: 'Looking for changes',
  load: 'Loading',
  deletes: 'Looking for deleted rows',
} as const satisfies Record<Progress['phase'], string>

/** The line of at most `width` characters: what fits of phase, bar, share, rows, rows a second and time left. */
export function barLine(progress: Progress, seconds: number, width: number): string {
  const { phase, rowsExtracted: rows, rowsExpected: expected } = progress
  const facts = phase === 'load' ? factsOf(rows, expected, seconds) : []
  const text = [phases[phase], ...facts].join('  ')
  // An estimate can be too low.
  const share = expected === null || expected === 0 ? null : Math.min(rows / expected, 1)
  const length = Math.min(width - text.length - 4, 30)
  if (phase !== 'load' || share === null || length < 5) return text.slice(0, Math.max(width, 0))
  const done = Math.floor(share * length)
  return `[${'#'.repeat(done)}${'-'.repeat(length - done)}]  ${text}`
}

/** The share first, as a narrow terminal cuts off the end. */
function factsOf(rows: number, expected: number | null, seconds: number): string[] {
  const rate = rows / Math.max(seconds, 0.001)
  const read = [`${countText(rows)} rows`, `${countText(rate)} rows/s`]
  if (expected === null || rows === 0) return read
  const share = `${Math.floor(Math.min(rows / expected, 1) * 100)}%`
  const left = Math.max(expected - rows, 0) / rate
  return [share, ...read, `${durationText(Math.ceil(left))} left`]
}
