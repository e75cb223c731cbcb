import { countText } from '../../lib/domain/quantity-text.js'
import type { LakeProgress } from '../../lib/index.js'
import type { OutputFlags } from '../flags/output-flags.js'

/** The progress of a lake: one line on a terminal, which `close` removes; nothing elsewhere. */
export function openLakeProgress({ quiet }: Pick<OutputFlags, 'quiet'>) {
  const stream = process.stderr
  if (quiet || !stream.isTTY || process.env['TERM'] === 'dumb') return undefined
  return {
    update: (progress: LakeProgress) => {
      stream.write(`${eraseLine}${lakeLine(progress, (stream.columns || 80) - 1)}`)
    },
    close: () => {
      stream.write(eraseLine)
    },
  }
}

const eraseLine = '\r\x1b[K'

/** A line of at most `width` characters: a bar, where it fits, and what is being written. */
export function lakeLine(progress: LakeProgress, width: number): string {
  const { month, filesWritten, filesExpected, rowsWritten, rowsExpected } = progress
  const share = rowsExpected === 0 ? 1 : rowsWritten / rowsExpected
  const facts = [
    `${Math.floor(share * 100)}%`,
    `month ${month}`,
    `file ${filesWritten + 1} of ${filesExpected}`,
    `${countText(rowsWritten)} rows`,
  ].join('  ')
  const length = width < 70 ? 8 : 24
  if (facts.length + length + 4 > width) return facts.slice(0, width)
  const done = Math.floor(share * length)
  return `[${'#'.repeat(done)}${'-'.repeat(length - done)}]  ${facts}`
}
