import { styleText } from 'node:util'

import type { HealthCheck } from '../../lib/index.js'
import { wrap } from './wrap.js'

/** What a check of `doctor` or of `health` has to show. */
export type ShownCheck = Pick<HealthCheck, 'outcome' | 'message' | 'remedy'>

/** Columns before the text. */
const margin = 10

const colors = { ok: 'green', warning: 'yellow', critical: 'red' } as const

/** The outcomes in the words of a language. */
export type OutcomeWords = Readonly<Record<HealthCheck['outcome'], string>>

export const englishOutcomes: OutcomeWords = { ok: 'ok', warning: 'warning', critical: 'critical' }

/**
 * The checks one below the other, each with its remedy, in lines of at most `width` characters where words allow. The outcome is coloured if
 * `stream` is a terminal and NO_COLOR is not set; it is a word as well, so that colour alone says nothing.
 */
export function checkLines(
  checks: readonly ShownCheck[],
  { width, stream, words }: { width: number; stream: NodeJS.WritableStream; words: OutcomeWords },
): string[] {
  const indented = (text: string) => wrap(text, width - margin, margin)
  return checks.flatMap(({ outcome, message, remedy }) => {
    const mark = styleText(colors[outcome], words[outcome], { stream })
    const line = mark + ' '.repeat(margin - words[outcome].length) + indented(message)
    return remedy === null ? [line] : [line, ' '.repeat(margin) + indented(`-> ${remedy}`)]
  })
}
