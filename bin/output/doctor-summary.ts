import type { DiagnosisCheck } from '../../lib/index.js'
import { checkLines, englishOutcomes } from './check-lines.js'
import { textWidth, wrap } from './wrap.js'

/** The checks one below the other with their remedies, and whether a run can succeed; for the width of `stream`. */
export function doctorSummary(
  checks: readonly DiagnosisCheck[],
  stream: NodeJS.WritableStream & { readonly columns?: number },
): string {
  const width = textWidth(stream)
  const lines = checkLines(checks, { width, stream, words: englishOutcomes })
  return `${lines.join('\n')}\n\n${wrap(verdict(checks), width)}\n`
}

function verdict(checks: readonly DiagnosisCheck[]): string {
  const count = (outcome: DiagnosisCheck['outcome']) =>
    checks.filter((check) => check.outcome === outcome).length
  const warnings = count('warning') === 0 ? '' : ` Warnings: ${count('warning')}.`
  if (count('critical') === 0) return `Ready to sync.${warnings}`
  return `Not ready to sync. Problems to solve: ${count('critical')}.${warnings}`
}
