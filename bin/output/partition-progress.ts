import { countText } from '../../lib/domain/quantity-text.js'
import type { PartitionProgress } from '../../lib/index.js'
import type { OutputFlags } from '../flags/output-flags.js'
import { besideBar, openProgressLine } from './progress.js'

/** The progress of a rebuilding: one line on a terminal, which `close` removes; nothing elsewhere. */
export const openPartitionProgress = (flags: Pick<OutputFlags, 'quiet'>) =>
  openProgressLine<PartitionProgress>(flags, partitionLine)

/** A line of at most `width` characters: a bar, where it fits, and what is being done. */
export function partitionLine(progress: PartitionProgress, width: number): string {
  const { phase, month, monthsDone, monthsExpected, rowsDone, rowsExpected } = progress
  const share = rowsExpected === 0 ? 1 : Math.min(rowsDone / rowsExpected, 1)
  const facts = [
    `${Math.floor(share * 100)}%`,
    phase === 'copy' ? `month ${month ?? ''}, ${monthsDone + 1} of ${monthsExpected}` : words[phase],
    `${countText(rowsDone)} rows`,
  ].join('  ')
  return besideBar(facts, share, width)
}

const words = {
  indexes: 'creating indexes',
  changes: 'copying what changed since',
  swap: 'waiting for a quiet moment',
} as const
