import { countText } from './number-text.js'
import { countsRows, type ProgressView } from './progress-bar.js'

const pause = 5000

/** A plain line every five seconds at most, for a pipe or a log: a run that is shorter says nothing. */
export function openProgressLines(stream: NodeJS.WritableStream): ProgressView {
  let told = performance.now()
  return {
    update: ({ phase, rowsExtracted, rowsExpected }) => {
      if (!countsRows(phase) || performance.now() - told < pause) return
      told = performance.now()
      const share =
        rowsExpected === null || rowsExpected === 0
          ? ''
          : `, about ${Math.floor(Math.min(rowsExtracted / rowsExpected, 1) * 100)}%`
      stream.write(`${countText(rowsExtracted)} rows ${phase === 'compare' ? 'compared' : 'read'}${share}\n`)
    },
    close: () => undefined,
  }
}
