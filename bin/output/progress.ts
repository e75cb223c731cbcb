import { countText, durationText } from '../../lib/domain/quantity-text.js'
import type { Progress, SyncOptions } from '../../lib/index.js'
import { addressOf } from '../../lib/postgres/driver/connect.js'
import type { OutputFlags } from '../flags/output-flags.js'

/** The progress of a run or of a comparison; the rows of a comparison are those of the source that were compared. */
export type Step = Omit<Progress, 'phase'> & { readonly phase: Progress['phase'] | 'compare' }

/** Shows progress on a stream. */
export interface ProgressView {
  update(step: Step): void
  /** Removes what is drawn; `update` may draw it again. */
  close(): void
}

/**
 * A bar on a terminal, lines elsewhere, nothing with `quiet`. The bar does not disturb the JSON, which goes to stdout; lines are left out
 * beside it. `heading` writes the first of these lines from the addresses of both databases.
 */
export async function openProgress(
  { quiet, json }: Pick<OutputFlags, 'quiet' | 'json'>,
  { source, target }: Pick<SyncOptions, 'source' | 'target'>,
  heading: (source: string, target: string) => string,
): Promise<ProgressView | undefined> {
  const stream = process.stderr
  if (quiet) return undefined
  if (canRedraw(stream)) return openProgressBar(stream)
  if (json) return undefined
  const name = (handle: SyncOptions['source']) => {
    const { host, port, database } = addressOf(handle)
    return `${host}:${port}/${database}`
  }
  stream.write(`${heading(name(source), name(target))}\n`)
  return openProgressLines(stream)
}

/** Milliseconds between two lines: a run that is shorter prints none. */
const linePause = 5000

function openProgressLines(stream: NodeJS.WritableStream): ProgressView {
  let printed = performance.now()
  return {
    update: ({ phase, rowsExtracted, rowsExpected }) => {
      if (!countsRows(phase) || performance.now() - printed < linePause) return
      printed = performance.now()
      const done = rowsExpected ? Math.min(rowsExtracted / rowsExpected, 1) : null
      const share = done === null ? '' : `, about ${Math.floor(done * 100)}%`
      stream.write(`${countText(rowsExtracted)} rows ${phase === 'compare' ? 'compared' : 'read'}${share}\n`)
    },
    close: () => undefined,
  }
}

/** Milliseconds between two drawings of the bar. */
const drawPause = 100
export const eraseLine = '\r\x1b[K'

/** What the bar needs of a terminal, whose width can change meanwhile. */
export type Terminal = NodeJS.WritableStream & { readonly columns?: number }

/** One line on a terminal, redrawn at most ten times a second and erased by `close`. */
export function openProgressBar(terminal: Terminal): ProgressView {
  let drawn = -drawPause
  let first: { readonly rows: number; readonly at: number } | undefined
  return {
    update: (step) => {
      const now = performance.now()
      const { phase, rowsExtracted: rows } = step
      // The time before the first rows, such as that of connecting, does not count towards the rate.
      if (countsRows(phase)) first ??= { rows, at: now }
      if (now - drawn < drawPause) return
      drawn = now
      const rate = first && rows > first.rows ? ((rows - first.rows) / (now - first.at)) * 1000 : null
      // The last column stays free: a full line would move the cursor to the next one.
      terminal.write(`${eraseLine}${barLine(step, rate, (terminal.columns || 80) - 1)}`)
    },
    close: () => {
      if (drawn >= 0) terminal.write(eraseLine)
      drawn = -drawPause
    },
  }
}

const phases = {
  probe: 'Probing the source',
  feeds: 'Finding changes',
  load: 'Loading',
  deletes: 'Finding deleted rows',
  compare: 'Comparing',
} as const satisfies Record<Step['phase'], string>

/** Whether the count of rows moves in this phase. */
function countsRows(phase: Step['phase']): boolean {
  return phase === 'load' || phase === 'compare'
}

/**
 * A line of at most `width` characters with what fits of bar, share, rows, rows per second and time left. `rate` is null until it is known.
 */
export function barLine(step: Step, rate: number | null, width: number): string {
  const { phase, rowsExtracted: rows, rowsExpected: expected } = step
  if (!countsRows(phase)) return phases[phase].slice(0, width)
  // An estimate can be too low.
  const share = expected ? Math.min(rows / expected, 1) : null
  const left = rate === null || !expected ? null : Math.ceil(Math.max(expected - rows, 0) / rate)
  const facts = [
    share === null ? phases[phase] : `${Math.floor(share * 100)}%`,
    `${countText(rows)} rows`,
    ...(rate === null ? [] : [`${countText(rate)} rows/s`]),
    ...(left === null ? [] : [`${durationText(left)} left`]),
  ].join('  ')
  return share === null ? facts.slice(0, width) : besideBar(facts, share, width)
}

/** Facts behind a bar of that share, where it fits into so many characters. */
export function besideBar(facts: string, share: number, width: number): string {
  // Constant during a run, so that nothing jumps.
  const length = width < 70 ? 8 : 24
  if (facts.length + length + 4 > width) return facts.slice(0, width)
  const done = Math.floor(share * length)
  return `[${'#'.repeat(done)}${'-'.repeat(length - done)}]  ${facts}`
}

/** A progress of one line on a terminal, which `close` removes; nothing elsewhere. */
export function openProgressLine<Progress>(
  { quiet }: Pick<OutputFlags, 'quiet'>,
  lineOf: (progress: Progress, width: number) => string,
) {
  const stream = process.stderr
  if (quiet || !canRedraw(stream)) return undefined
  return {
    update: (progress: Progress) => {
      stream.write(`${eraseLine}${lineOf(progress, (stream.columns || 80) - 1)}`)
    },
    close: () => {
      stream.write(eraseLine)
    },
  }
}

/** Whether a line can be drawn again and again: a terminal that knows how to erase it. */
export const canRedraw = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY && process.env['TERM'] !== 'dumb'
