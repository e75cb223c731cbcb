import { countText } from '../../lib/domain/quantity-text.js'
import type { LakeProgress } from '../../lib/index.js'
import type { OutputFlags } from '../flags/output-flags.js'
import { besideBar, openProgressLine } from './progress.js'

/** The progress of a lake: one line on a terminal, which `close` removes; nothing elsewhere. */
export const openLakeProgress = (flags: Pick<OutputFlags, 'quiet'>) =>
  openProgressLine<LakeProgress>(flags, lakeLine)

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
