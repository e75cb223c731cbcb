import { countText } from '../../lib/domain/quantity-text.js'
import type { LakeProgress } from '../../lib/index.js'
import type { OutputFlags } from '../flags/output-flags.js'
import { besideBar, canRedraw, eraseLine } from './progress.js'

/** The progress of a lake: one line on a terminal, which `close` removes; nothing elsewhere. */
export function openLakeProgress({ quiet }: Pick<OutputFlags, 'quiet'>) {
  const stream = process.stderr
  if (quiet || !canRedraw(stream)) return undefined
  return {
    update: (progress: LakeProgress) => {
      stream.write(`${eraseLine}${lakeLine(progress, (stream.columns || 80) - 1)}`)
    },
    close: () => {
      stream.write(eraseLine)
    },
  }
}

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
  return besideBar(facts, share, width)
}
