import type { Progress } from '../../lib/index.js'
import { countText, durationText } from './number-text.js'

/** How far a run is, or a comparison, whose rows are those of the source that were compared. */
export type Step = Omit<Progress, 'phase'> & { readonly phase: Progress['phase'] | 'compare' }

/** Where a run tells how far it is. */
export interface ProgressView {
  update(step: Step): void
  /** Leaves the screen as it was. */
  close(): void
}

const pause = 100
const eraseLine = '\r\x1b[K'

/** What is needed of a terminal; its width can change while it is drawn on. */
export type Terminal = NodeJS.WritableStream & { readonly columns?: number }

/** One line on a terminal that is drawn again at most ten times a second, and is gone after `close`. */
export function openProgressBar(terminal: Terminal): ProgressView {
  let drawn = -pause
  let first: { readonly rows: number; readonly at: number } | undefined
  return {
    update: (step) => {
      const now = performance.now()
      const { phase, rowsExtracted: rows } = step
      // What came before the first rows, such as connecting, says nothing about how fast they are.
      if (countsRows(phase)) first ??= { rows, at: now }
      if (now - drawn < pause) return
      drawn = now
      const rate = first && rows > first.rows ? ((rows - first.rows) / (now - first.at)) * 1000 : null
      // The last column stays free: a full line would move the cursor to the next one.
      terminal.write(`${eraseLine}${barLine(step, rate, (terminal.columns || 80) - 1)}`)
    },
    close: () => {
      if (drawn >= 0) terminal.write(eraseLine)
      drawn = -pause
    },
  }
}

const phases = {
  probe: 'Looking at the source',
  feeds: 'Looking for changes',
  load: 'Loading',
  deletes: 'Looking for deleted rows',
  compare: 'Comparing',
} as const satisfies Record<Step['phase'], string>

/** Whether the rows move in this phase. */
export function countsRows(phase: Step['phase']): boolean {
  return phase === 'load' || phase === 'compare'
}

/** The line of at most `width` characters: what fits of bar, share, rows, rows a second and time left. `rate` is null until it is known. */
export function barLine(step: Step, rate: number | null, width: number): string {
  const { phase, rowsExtracted: rows, rowsExpected: expected } = step
  if (!countsRows(phase)) return phases[phase].slice(0, width)
  // An estimate can be too low.
  const share = expected ? Math.min(rows / expected, 1) : null
  const facts = [
    ...(share === null ? [phases[phase]] : [`${Math.floor(share * 100)}%`]),
    `${countText(rows)} rows`,
    ...(rate === null ? [] : [`${countText(rate)} rows/s`]),
    ...(rate === null || !expected
      ? []
      : [`${durationText(Math.ceil(Math.max(expected - rows, 0) / rate))} left`]),
  ].join('  ')
  // The same for all of a run, so that nothing jumps.
  const length = width < 70 ? 8 : 24
  if (share === null || facts.length + length + 4 > width) return facts.slice(0, width)
  const done = Math.floor(share * length)
  return `[${'#'.repeat(done)}${'-'.repeat(length - done)}]  ${facts}`
}
